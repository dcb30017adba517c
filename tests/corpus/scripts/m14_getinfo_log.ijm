open("input/a.tif");
getStatistics(area, mean, min, max);
print("max=" + max); print("min=" + min);
File.saveString(getInfo("log"), "output/info.txt");
