open(getDirectory("Folder with images") + "stack.tif");
run("Measure Stack...");
selectWindow("Results");
saveAs("text", getDirectory("Folder for results") + "stack.csv");
run("Close");
