dir = getDirectory("Source folder");
if (isOpen("Log")) print("\\Clear");
list = getFileList(dir);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	getStatistics(area, mean);
	print(getTitle() + "\t" + d2s(mean, 2));
	close();
}
selectWindow("Log");
saveAs("Text", getDirectory("Destination folder") + "log.txt");
run("Close");
