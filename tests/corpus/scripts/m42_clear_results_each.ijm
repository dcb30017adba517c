names = newArray("a", "b", "c");
for (i = 0; i < names.length; i++) {
	run("Clear Results");
	open("input/" + names[i] + ".tif");
	run("Measure");
	saveAs("Results", "output/" + names[i] + ".csv");
	close("Results");
	run("Close All");
}
