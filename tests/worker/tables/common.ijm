#@ String out
// What every group of cases begins with: what a case finds goes into said.txt, line by line.
var name = "";
function begin(title) {
	name = title;
	run("Close All");
	titles = getList("window.titles");
	for (i = 0; i < titles.length; i++) {
		if (isOpen(titles[i])) {
			selectWindow(titles[i]);
			run("Close");
		}
	}
	run("Clear Results");
	run("Set Measurements...", "area mean min redirect=None decimal=3");
}
function say(text) {
	File.append(name + ": " + text, out + "said.txt");
}
function sayTitles() {
	titles = getList("window.titles");
	Array.sort(titles);
	text = "";
	for (i = 0; i < titles.length; i++) text = text + "[" + titles[i] + "]";
	say("windows " + text);
}
function sayResults() {
	say("rows " + nResults);
	labels = split(String.getResultsHeadings, "\t");
	for (row = 0; row < nResults; row++) {
		text = "";
		for (i = 0; i < labels.length; i++) if (labels[i] != " ") text = text + labels[i] + "=" + getResultString(labels[i], row) + " ";
		say("row " + row + ": " + text);
	}
}
function sayTable(title) {
	headings = Table.headings(title);
	labels = split(headings, "\t");
	size = Table.size(title);
	say("table " + title + " of " + size);
	for (row = 0; row < size; row++) {
		text = "";
		for (i = 0; i < labels.length; i++) if (labels[i] != " ") text = text + labels[i] + "=" + Table.getString(labels[i], row, title) + " ";
		say(title + " " + row + ": " + text);
	}
}
function stack(slices) {
	newImage("stack", "8-bit black", 64, 48, slices);
	for (i = 1; i <= slices; i++) {
		setSlice(i);
		run("Set...", "value=" + 10 * i + " slice");
	}
	setSlice(1);
}
function spots(title, count) {
	newImage(title, "8-bit black", 100, 100, 1);
	setColor(200);
	for (i = 0; i < count; i++) fillRect(10 + 12 * i, 10 + 12 * i, 4 + i, 5);
	setThreshold(100, 255);
}
