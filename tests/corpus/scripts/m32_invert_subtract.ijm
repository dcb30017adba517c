setBatchMode(true);
open("input/a.tif");
run("Subtract...", "value=10");
run("Invert");
run("Measure");
run("Add...", "value=5");
run("Measure");
saveAs("Results", "output/arithmetic.csv");
setBatchMode(false);
