#@ String input_dir
#@ String output_dir
list = getFileList(input_dir);
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(input_dir + "/" + list[i]);
	run("Measure");
	close();
}
saveAs("Results", output_dir + "/" + "rows.csv");
