#@ File folder
#@ Double sigma
#@ Integer smallest
#@ Boolean watershed
newImage("train", "16-bit ramp", 256, 256, 1);
makeOval(60, 60, 50, 50);
run("Add...", "value=20000");
run("Select None");
saveAs("Tiff", folder + "/ijm.tif");
close();
open(folder + "/ijm.tif");
run("Subtract Background...", "rolling=50");
run("Gaussian Blur...", "sigma=" + sigma);
run("Median...", "radius=2");
setAutoThreshold("Otsu dark");
setOption("BlackBackground", true);
run("Convert to Mask");
if (watershed) run("Watershed");
run("Set Measurements...", "area mean centroid shape redirect=None decimal=3");
run("Analyze Particles...", "size=" + smallest + "-Infinity show=Overlay display clear");
saveAs("Results", folder + "/ijm.csv");
run("Flatten");
saveAs("PNG", folder + "/ijm.png");
