run("Bio-Formats Macro Extensions");
Ext.setId("input/a.tif");
Ext.getSeriesCount(n);
open("input/a.tif");
run("Measure");
saveAs("Results", "output/ext.csv");
