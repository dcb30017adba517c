// Open all images of a plate first. Inverts and measures each of them.
dir = getDirectory("Choose where to save");
ids = newArray(nImages);
for (i = 0; i < nImages; i++) {
	selectImage(i + 1);
	ids[i] = getImageID();
}
for (i = 0; i < ids.length; i++) {
	selectImage(ids[i]);
	run("Invert");
	run("Measure");
}
saveAs("Results", dir + "inverted.csv");
while (nImages > 0) {
	selectImage(nImages);
	close();
}
