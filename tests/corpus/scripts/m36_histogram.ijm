open("input/b.tif");
getHistogram(values, counts, 256);
f = File.open("output/histogram.txt");
for (i = 0; i < 256; i++) if (counts[i] > 0) print(f, i + " " + counts[i]);
File.close(f);
