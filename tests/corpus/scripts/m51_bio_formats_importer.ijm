path = getDirectory("input") + "a.tif";
run("Bio-Formats Importer", "open=[" + path + "] autoscale color_mode=Default");
run("Measure");
saveAs("Results", "output/bf.csv");
