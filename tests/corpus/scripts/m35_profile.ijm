open("input/c.tif");
makeRectangle(0, 30, 64, 1);
profile = getProfile();
for (i = 0; i < profile.length; i++) setResult("Value", i, profile[i]);
updateResults;
saveAs("Measurements", "output/profile.csv");
