open("input/a.tif");
setThreshold(90, 255);
run("Analyze Particles...", "display clear");
areas = Table.getColumn("Area");
Array.sort(areas);
Table.create("Sorted");
Table.setColumn("Area", areas);
Table.save("output/sorted.csv");
