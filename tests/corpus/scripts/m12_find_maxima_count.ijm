dir = getDirectory("Images"); out = getDirectory("Results");
list = getFileList(dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	run("Find Maxima...", "prominence=40 output=Count");
	close();
}
saveAs("Results", out + "maxima.csv");
