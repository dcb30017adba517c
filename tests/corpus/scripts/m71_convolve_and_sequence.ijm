// Doubles all slices by a kernel, and saves them one by one.
dir = getDirectory("Folder of the series");
run("Image Sequence...", "dir=[" + dir + "] sort use");
run("Duplicate...", "title=doubled duplicate");
run("Convolve...", "text1=[0 0 0\n0 2 0\n0 0 0\n] stack");
for (i = 1; i <= nSlices; i++) {
	setSlice(i);
	run("Measure");
}
saveAs("Results", "output/doubled.csv");
run("Image Sequence... ", "dir=[" + getDirectory("Where to save the slices") + "] format=TIFF name=d_ start=1 digits=2");
close("*");
open("output/d_02.tif");
run("Clear Results");
run("Measure");
saveAs("Results", "output/second.csv");
