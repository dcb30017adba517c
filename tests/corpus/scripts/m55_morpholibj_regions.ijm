open("input/b.tif");
setThreshold(128, 255);
run("Convert to Mask");
run("Analyze Regions", "area");
saveAs("Results", "output/regions.csv");
