if (isOpen("Results")) { selectWindow("Results"); run("Close"); }
if (isOpen("Log")) { selectWindow("Log"); run("Close"); }
open("input/b.tif");
run("Measure");
if (isOpen("Results")) {
	selectWindow("Results");
	saveAs("Results", "output/open.csv");
	run("Close");
}
if (isOpen("Results")) exit("Results is still there");
