path = File.openDialog("Choose a file");
run("Bio-Formats Macro Extensions");
Ext.setId(path);
Ext.getSizeZ(sizeZ);
run("Bio-Formats Importer", "open=[" + path + "] autoscale color_mode=Default view=Hyperstack stack_order=XYCZT");
run("Measure Stack...");
saveAs("Results", "output/z.csv");
run("Close All");
