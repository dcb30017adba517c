open("input/c.tif");
makeRectangle(27, 27, 6, 6);
run("Gaussian Blur...", "sigma=1");
run("Measure");
saveAs("Results", "output/blur.csv");
