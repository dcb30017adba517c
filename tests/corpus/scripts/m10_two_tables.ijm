dir = getDir("Input"); out = getDir("Output");
Table.create("Big"); Table.create("Small");
list = getFileList(dir); big = 0; small = 0;
setBatchMode(true);
for (i = 0; i < list.length; i++) {
	open(dir + list[i]);
	setThreshold(128, 255);
	run("Analyze Particles...", "size=0-Infinity display clear");
	for (r = 0; r < nResults; r++) {
		a = getResult("Area", r);
		if (a >= 100) { selectWindow("Big"); Table.set("Area", big++, a); }
		else { selectWindow("Small"); Table.set("Area", small++, a); }
	}
	close();
}
selectWindow("Big"); Table.update; Table.save(out + "big.csv");
selectWindow("Small"); Table.update; Table.save(out + "small.csv");
