open("input/a.tif"); run("Measure");
Table.rename("Results", "First");
close("a.tif");
open("input/b.tif"); run("Measure");
selectWindow("First");
saveAs("Results", "output/first.csv");
selectWindow("Results");
saveAs("Results", "output/second.csv");
