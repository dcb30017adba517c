open("input/stack.tif");
run("Make Substack...", "slices=1-2");
run("Z Project...", "projection=[Average Intensity]");
run("Measure");
selectWindow("stack.tif"); close();
saveAs("Results", "output/average.csv");
