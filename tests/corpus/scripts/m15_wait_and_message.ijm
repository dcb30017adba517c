showMessage("Batch", "This macro measures all images");
waitForUser("Ready?", "Press OK when ready");
dir = getDirectory("input"); out = getDirectory("output");
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	run("Measure");
	close();
}
saveAs("Results", out + "measured.csv");
showMessage("Done!");
