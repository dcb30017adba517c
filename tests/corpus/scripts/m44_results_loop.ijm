open("input/b.tif");
setThreshold(128, 255);
run("Analyze Particles...", "display clear");
total = 0;
for (i = 0; i < nResults; i++) total += getResult("Area", i);
setResult("Area", nResults, total);
setResult("Label", nResults - 1, "total");
updateResults();
saveAs("Results", "output/total.csv");
