open(File.openDialog("Open the stack"));
waitForUser("Stack", "Is it the right stack? Then press OK");
doInvert = getBoolean("Invert all slices?");
if (doInvert) run("Invert", "stack");
run("Set Measurements...", "area mean min redirect=None decimal=3");
run("Measure Stack...");
print("rows: " + nResults);
saveAs("Results", "output/inverted.csv");
File.saveString(getInfo("log"), "output/log.txt");
