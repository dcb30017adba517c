Dialog.create("Folders");
Dialog.addDirectory("Input folder", "");
Dialog.addDirectory("Output folder", "");
Dialog.addString("File extension", ".tif");
Dialog.show();
in = Dialog.getString(); out = Dialog.getString(); ext = Dialog.getString();
list = getFileList(in);
for (i = 0; i < list.length; i++) {
	if (!endsWith(list[i], ext)) continue;
	open(in + "/" + list[i]);
	run("Measure");
	close();
}
saveAs("Results", out + "/" + "extension.csv");
