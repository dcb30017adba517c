dir = getDirectory("Choose a Directory");
list = getFileList(dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	run("Measure");
	saveAs("Tiff", dir + "measured_" + list[i]);
	close();
}
saveAs("Results", dir + "Results.csv");
