open("input/a.tif"); open("input/b.tif"); open("input/c.tif");
selectWindow("b.tif"); run("Measure");
selectWindow("a.tif"); run("Measure");
selectImage("c.tif"); run("Measure");
saveAs("Results", "output/selected.csv");
run("Close All");
