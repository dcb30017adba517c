arg = getArgument();
parts = split(arg, ",");
open("input/" + parts[0]);
setThreshold(parseInt(parts[1]), 255);
run("Analyze Particles...", "display");
saveAs("Results", "output/arg.csv");
