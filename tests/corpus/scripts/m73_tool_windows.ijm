// As the recorder writes it, with the windows of the tools.
open("input/a.tif");
run("Threshold...");
setThreshold(128, 255);
run("Convert to Mask");
selectWindow("Threshold");
run("Close");
run("Measure");
run("Brightness/Contrast...");
run("Enhance Contrast", "saturated=0.35");
selectWindow("a.tif");
if (isOpen("B&C")) close("B&C");
if (isOpen("B&C")) exit("it is still open");
run("Invert");
run("Measure");
saveAs("Results", "output/masks.csv");
