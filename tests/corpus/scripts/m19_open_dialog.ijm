path = File.openDialog("Select an image");
open(path);
run("Measure");
name = File.getName(path);
saveAs("Results", "output/" + replace(name, ".tif", ".csv"));
