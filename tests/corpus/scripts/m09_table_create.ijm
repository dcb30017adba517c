dir = getDirectory("Input"); out = getDirectory("Output");
list = getFileList(dir);
Table.create("Summary of images");
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	getStatistics(area, mean, min, max);
	Table.set("Name", i, File.nameWithoutExtension);
	Table.set("Area", i, area);
	Table.set("Mean", i, mean);
	close();
}
Table.update;
Table.save(out + "images.csv");
