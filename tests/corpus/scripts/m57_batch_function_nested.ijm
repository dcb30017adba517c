setBatchMode(true);
main();
function main() {
	input = getDirectory("Select the input directory");
	output = getDirectory("Select the output directory");
	files = getFileList(input);
	for (i = 0; i < files.length; i++) {
		if (!File.isDirectory(input + files[i])) measure(input + files[i]);
	}
	saveAs("Results", output + "nested.csv");
	run("Clear Results");
	saved = File.exists(output + "nested.csv");
	if (!saved) exit("nothing was saved");
}
function measure(path) {
	open(path);
	run("Select All");
	run("Measure");
	run("Select None");
	close();
}
