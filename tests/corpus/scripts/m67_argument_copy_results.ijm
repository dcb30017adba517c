args = split(getArgument(), ";");
lower = parseFloat(args[1]);
open("input/" + args[0]);
setThreshold(lower, 255);
run("Set Measurements...", "area redirect=None decimal=0");
run("Analyze Particles...", "size=0-Infinity display clear");
String.copyResults();
lines = split(String.paste(), "\n");
File.saveString("" + lines.length, "output/lines.txt");
if (isOpen("Results")) { selectWindow("Results"); run("Close"); }
