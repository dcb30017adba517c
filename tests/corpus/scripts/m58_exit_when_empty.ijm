dir = getDirectory("Where are the images?");
list = getFileList(dir);
if (list.length == 0) exit("There are no images in the folder");
open(dir + list[0]);
run("Measure");
saveAs("Results", "output/first.csv");
