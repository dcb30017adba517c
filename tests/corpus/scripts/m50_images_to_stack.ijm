list = getFileList("input");
for (i = 0; i < list.length; i++) open("input/" + list[i]);
run("Images to Stack", "use");
run("Z Project...", "projection=[Sum Slices]");
run("Measure");
saveAs("Results", "output/sum.csv");
run("Close All");
