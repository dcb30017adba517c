open("input/a.tif");
values = newArray(getWidth());
for (x = 0; x < getWidth(); x++) values[x] = getPixel(x, 10);
Array.getStatistics(values, min, max, mean, stdDev);
File.saveString(min + "," + max + "," + mean, "output/line.txt");
