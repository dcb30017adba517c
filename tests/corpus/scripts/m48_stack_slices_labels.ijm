open("input/stack.tif");
for (i = 1; i <= nSlices; i++) {
	setSlice(i);
	getStatistics(area, mean);
	print(i + ": " + d2s(mean, 3));
}
if (indexOf(getInfo("log"), "3: ") < 0) exit("The log has no slice 3");
selectWindow("Log"); saveAs("Text", "output/slices.txt");
