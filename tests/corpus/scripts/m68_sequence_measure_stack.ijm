macro "Measure a time series" {
	dir = getDirectory("Choose the folder of the time series");
	run("Image Sequence...", "open=[" + dir + "] sort");
	rename("series");
	selectWindow("series");
	run("Measure Stack...");
	saveAs("Results", getDirectory("Choose where to save") + "series.csv");
	selectWindow("Results"); run("Close");
	close("*");
}
