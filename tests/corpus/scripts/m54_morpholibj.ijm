open("input/c.tif");
run("Morphological Filters", "operation=Opening element=Square radius=1");
run("Measure");
saveAs("Results", "output/opened.csv");
