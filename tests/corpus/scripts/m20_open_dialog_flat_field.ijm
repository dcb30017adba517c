flat = File.openDialog("Flat field image");
dir = getDirectory("Input directory");
open(flat); rename("flat");
open(dir + "a.tif"); rename("image");
imageCalculator("Subtract create", "image", "flat");
selectWindow("Result of image");
run("Measure");
saveAs("Results", "output/difference.csv");
run("Close All");
