dir = getDirectory("Input folder");
run("Image Sequence...", "open=[" + dir + "] file=tif sort");
run("Z Project...", "projection=[Max Intensity]");
run("Measure");
saveAs("Results", "output/projection.csv");
close("*");
