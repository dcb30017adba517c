root = "D:/Lab";
open(root + "\\in\\" + "b.tif");
setThreshold(128, 255);
run("Analyze Particles...", "display");
saveAs("Results", root + "/out\\" + "b.csv");
