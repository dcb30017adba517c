open("input/c.tif");
run("ROI Manager...");
makeRectangle(20, 20, 20, 20); roiManager("add");
roiManager("Show All"); roiManager("Show None");
roiManager("Select", 0); roiManager("Rename", "big");
run("Measure");
saveAs("Results", "output/c_roi.csv");
