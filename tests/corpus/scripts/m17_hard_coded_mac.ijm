path = "/Users/ben/data/plate 7/";
open(path + "a.tif");
run("Invert");
saveAs("Tiff", "/Users/ben/data/out/a_inverted.tif");
run("Measure");
saveAs("Results", "/Users/ben/data/out/" + "inverted.csv");
close();
