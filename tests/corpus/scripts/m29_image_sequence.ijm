dir = getDirectory("Input folder");
list = getFileList(dir);
run("Image Sequence...", "open=[" + dir + list[0] + "] number=" + list.length + " starting=1 increment=1 scale=100 file=tif sort");
run("Z Project...", "projection=[Max Intensity]");
run("Measure");
saveAs("Results", "output/projection.csv");
close("*");
