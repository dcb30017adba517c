title = "[Counts]";
run("Table...", "name=" + title + " width=400 height=300");
print(title, "\\Headings:name\tn");
list = getFileList("input");
for (i = 0; i < list.length; i++) {
	open("input/" + list[i]);
	setThreshold(128, 255);
	run("Analyze Particles...", "size=0-Infinity display clear");
	print(title, list[i] + "\t" + nResults);
	close();
}
selectWindow("Counts");
saveAs("Text", "output/counts.txt");
