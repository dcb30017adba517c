#@ Integer (label="Lower", value=100, min=0, max=255) lower
#@ Double (label="Minimum area", value=0) least
#@ Boolean (label="Clear", value=true) clear
#@ String (label="Name of the table", choices={"one", "two"}, style="listBox") name
open("input/a.tif");
setThreshold(lower, 255);
options = "size=" + least + "-Infinity display";
if (clear) options += " clear";
run("Analyze Particles...", options);
saveAs("Results", "output/" + name + ".csv");
