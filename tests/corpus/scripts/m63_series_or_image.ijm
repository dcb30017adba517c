// works for .lif projects and for plain images
setBatchMode(true);
dir = getDir("Input folder"); out = getDir("Output folder");
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	path = dir + list[i];
	if (endsWith(path, ".lif")) {
		run("Bio-Formats Macro Extensions");
		Ext.setId(path);
		Ext.getSeriesCount(seriesCount);
		for (s = 1; s <= seriesCount; s++)
			run("Bio-Formats Importer", "open=[" + path + "] color_mode=Grayscale view=Hyperstack stack_order=XYCZT series_" + s);
	} else {
		open(path);
	}
	run("Measure");
	close("*");
}
saveAs("Results", out + "series.csv");
close("Results");
