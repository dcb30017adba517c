Dialog.create("Segmentation");
Dialog.addNumber("Lower threshold", 50);
Dialog.addNumber("Minimum size (pixels)", 0);
Dialog.addCheckbox("Exclude edges", false);
Dialog.addChoice("Show", newArray("Nothing", "Masks"), "Nothing");
Dialog.show();
lower = Dialog.getNumber();
size = Dialog.getNumber();
edges = Dialog.getCheckbox();
show = Dialog.getChoice();
dir = getDirectory("Choose a Directory");
out = getDirectory("Choose a Directory to save");
list = getFileList(dir);
options = "size=" + size + "-Infinity show=" + show + " display";
if (edges) options = options + " exclude";
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	setThreshold(lower, 255);
	run("Analyze Particles...", options);
	close();
}
saveAs("Results", out + "particles.csv");
