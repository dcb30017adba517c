dir = getDirectory("Input");
list = getFileList(dir);
row = 0;
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	getStatistics(area, mean, min, max, std);
	setResult("Label", row, getTitle());
	setResult("Range", row, max - min);
	row++;
	close();
}
updateResults();
saveAs("Results", getDirectory("Output") + "range.csv");
