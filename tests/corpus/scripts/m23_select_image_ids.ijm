ids = newArray(3); names = newArray("a.tif", "b.tif", "c.tif");
setBatchMode(true);
for (i = 0; i < 3; i++) { open("input/" + names[i]); ids[i] = getImageID(); }
for (i = 2; i >= 0; i--) { selectImage(ids[i]); run("Measure"); }
while (nImages > 0) { selectImage(nImages); close(); }
saveAs("Results", "output/reverse.csv");
