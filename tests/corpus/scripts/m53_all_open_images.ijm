list = getList("image.titles");
if (list.length == 0) {
	files = getFileList("input");
	for (i = 0; i < files.length; i++) open("input" + File.separator + files[i]);
	list = getList("image.titles");
}
for (i = 0; i < list.length; i++) {
	selectWindow(list[i]);
	run("Measure");
}
run("Close All");
saveAs("Results", "output/open.csv");
