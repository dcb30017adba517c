start = getTime();
path = "input/a.tif";
open(path);
dotIndex = lastIndexOf(getTitle(), ".");
name = substring(getTitle(), 0, dotIndex);
run("Measure");
saveAs("Results", "output/" + name + "_" + "results" + ".csv");
print("took " + (getTime() - start) / 1000 + " s");
