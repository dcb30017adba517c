// called by runMacro with a folder, or by hand
dir = getArgument();
if (dir == "") dir = getDirectory("Choose the folder of images");
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	run("Measure");
	close();
}
saveAs("Results", "output/called.csv");
