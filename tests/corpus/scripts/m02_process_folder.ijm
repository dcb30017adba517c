/*
 * Macro template to process multiple images in a folder
 */
#@ File (label = "Input directory", style = "directory") input
#@ File (label = "Output directory", style = "directory") output
#@ String (label = "File suffix", value = ".tif") suffix
processFolder(input);
saveAs("Results", output + File.separator + "rows.csv");
// function to scan folders/subfolders/files to find files with correct suffix
function processFolder(input) {
	list = getFileList(input);
	list = Array.sort(list);
	for (i = 0; i < list.length; i++) {
		if(File.isDirectory(input + File.separator + list[i]))
			processFolder(input + File.separator + list[i]);
		if(endsWith(list[i], suffix))
			processFile(input, output, list[i]);
	}
}
function processFile(input, output, file) {
	print("Processing: " + input + File.separator + file);
	open(input + File.separator + file);
	run("Set Measurements...", "area mean min redirect=None decimal=3");
	run("Measure");
	close();
	print("Saving to: " + output);
}
