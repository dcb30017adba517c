input = getDirectory("Choose input"); output = getDirectory("Choose output");
if (isOpen("Summary")) { selectWindow("Summary"); run("Close"); }
list = getFileList(input);
for (i = 0; i < list.length; i++) {
	open(input + list[i]);
	setThreshold(128, 255);
	run("Analyze Particles...", "size=0-Infinity summarize");
	close();
}
selectWindow("Summary");
saveAs("Results", output + "Summary.csv");
run("Close");
