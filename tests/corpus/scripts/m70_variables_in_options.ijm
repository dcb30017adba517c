// Cuts a corner out of each image; the numbers stand here, so that they are easily changed.
newWidth = 32;
newHeight = 16;
shift = 5;
title = "corner";
setTool("rectangle");
dir = getDirectory("Choose the images");
list = getFileList(dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	run("Duplicate...", "title=title");
	run("Canvas Size...", "width=newWidth height=newHeight position=Top-Left zero");
	run("Add...", "value=&shift");
	selectWindow("corner");
	run("Measure");
	run("Close All");
}
saveAs("Results", "output/corners.csv");
