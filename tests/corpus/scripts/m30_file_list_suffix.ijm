function isTif(name) { return endsWith(toLowerCase(name), ".tif"); }
dir = getDirectory("choose the raw data"); n = 0;
list = getFileList(dir);
for (i = 0; i < lengthOf(list); i++) if (isTif(list[i])) n++;
File.saveString("" + n, getDirectory("choose where results go") + "n.txt");
