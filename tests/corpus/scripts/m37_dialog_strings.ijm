title = "Rename files"; 
Dialog.create(title);
Dialog.addMessage("How shall the copies be called?");
Dialog.addString("Prefix:", "copy_");
Dialog.addString("Suffix:", "");
Dialog.addRadioButtonGroup("Format", newArray("Tiff", "PNG"), 1, 2, "Tiff");
Dialog.show();
prefix = Dialog.getString(); suffix = Dialog.getString(); format = Dialog.getRadioButton();
dir = getDirectory("Input"); out = getDirectory("Output");
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	base = File.nameWithoutExtension;
	saveAs(format, out + prefix + base + suffix);
	close();
}
files = getFileList(out);
Array.sort(files);
File.saveString(String.join(files, "\n"), out + "files.txt");
