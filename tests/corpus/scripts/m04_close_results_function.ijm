input = getDir("Input images");
output = getDir("Output");
list = getFileList(input);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(input + list[i]);
	run("8-bit");
	setThreshold(128, 255);
	run("Analyze Particles...", "size=50-Infinity display");
	saveAs("Results", output + replace(list[i], ".tif", "_big.csv"));
	close("Results");
	close("*");
}
