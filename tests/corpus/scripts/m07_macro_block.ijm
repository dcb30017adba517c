macro "Measure all slices [m]" {
	open("input/stack.tif");
	run("Set Measurements...", "area mean min redirect=None decimal=3");
	for (s = 1; s <= nSlices; s++) {
		setSlice(s);
		run("Measure");
	}
	saveAs("Results", "output/slices.csv");
	run("Close All");
}
