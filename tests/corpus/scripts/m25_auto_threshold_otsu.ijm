macro "Otsu particles [o]" {
	open("input/c.tif");
	setAutoThreshold("Otsu dark");
	run("Analyze Particles...", "size=0-Infinity display clear");
	saveAs("Results", "output/otsu.csv");
}
