dir = getDirectory("Choose the input folder");
out = getDirectory("Choose the output folder");
files = getFileList(dir);
for (k = 0; k < files.length; k++) {
	open(dir + files[k]);
	setThreshold(128, 255);
	run("Set Measurements...", "area mean redirect=None decimal=3");
	run("Analyze Particles...", "size=0-Infinity display clear");
	selectWindow("Results");
	saveAs("Results", out + File.nameWithoutExtension + ".csv");
	run("Close");
	run("Close All");
}
