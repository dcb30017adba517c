dir = getDirectory("Choose Source Directory");
open(dir + "b.tif");
setThreshold(128, 255);
run("Analyze Particles...", "size=0-Infinity add");
n = roiManager("count");
run("Clear Results");
for (i = 0; i < n; i++) { roiManager("select", i); run("Measure"); }
saveAs("Results", getDirectory("Choose Destination Directory") + "b_rois.csv");
