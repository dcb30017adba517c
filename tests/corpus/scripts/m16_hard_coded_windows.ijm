dir = "C:\\Users\\Anna\\Desktop\\images\\";
results = "C:\\Users\\Anna\\Desktop\\results\\";
list = getFileList(dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	if (endsWith(list[i], ".tif")) {
		open(dir + list[i]);
		run("Measure");
		close();
	}
}
saveAs("Results", results + "all.csv");
