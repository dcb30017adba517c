macro "Threshold and count" {
	methods = newArray("Fixed", "Mean");
	Dialog.create("Threshold and count");
	Dialog.addChoice("Method:", methods, "Mean");
	Dialog.addNumber("Fixed value:", 1);
	Dialog.show();
	method = Dialog.getChoice();
	value = Dialog.getNumber();
	requires("1.52a");
	list = getFileList("input");
	for (i = 0; i < list.length; i++) {
		open("input/" + list[i]);
		if (method == "Fixed") setThreshold(value, 255);
		else setAutoThreshold("Mean dark");
		run("Analyze Particles...", "size=0-Infinity show=Nothing summarize");
		close();
	}
	selectWindow("Summary");
	saveAs("Results", "output/counted.csv");
	run("Close");
	showMessage("Finished", "All images are counted");
}
