threshold = getNumber("Threshold", 10);
prefix = getString("Prefix of the results", "res_");
header = getBoolean("Write a header?");
source = getDirectory("Source");
target = getDirectory("Target");
list = getFileList(source);
f = File.open(target + prefix + "counts.csv");
if (header) print(f, "name,n");
for (i = 0; i < list.length; i++) {
	open(source + list[i]);
	setThreshold(threshold, 255);
	run("Analyze Particles...", "size=0-Infinity show=Nothing clear");
	run("Analyze Particles...", "size=0-Infinity display clear");
	print(f, File.nameWithoutExtension + "," + nResults);
	close();
}
File.close(f);
