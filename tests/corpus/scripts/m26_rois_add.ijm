open("input/a.tif");
makeRectangle(8, 8, 10, 10); roiManager("Add");
makeRectangle(30, 8, 6, 6); roiManager("Add");
roiManager("Deselect");
roiManager("Measure");
saveAs("Results", "output/rois.csv");
roiManager("reset");
