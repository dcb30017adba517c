begin("display");
spots("spots", 5);
run("Analyze Particles...", "display");
sayResults();
run("Measure");
say("rows after Measure " + nResults);
run("Analyze Particles...", "display");
say("rows after again " + nResults);
run("Analyze Particles...", "display clear");
say("rows after clear " + nResults);

begin("display in a loop");
for (k = 1; k <= 3; k++) { spots("s" + k, k); run("Analyze Particles...", "size=0-Infinity display"); close(); }
sayResults();
saveAs("Results", out + "particles.csv");

begin("clear each");
for (k = 1; k <= 3; k++) { spots("s" + k, k + 1); run("Analyze Particles...", "display clear"); saveAs("Results", out + "clear" + k + ".csv"); close(); }
sayResults();

begin("without display, then Measure");
spots("s", 4);
run("Analyze Particles...", "size=0-Infinity");
say("rows " + nResults);
run("Measure");
sayResults();

begin("measured before and after");
spots("s", 3);
run("Measure");
run("Analyze Particles...", "display");
run("Measure");
run("Analyze Particles...", "size=0-Infinity");
run("Measure");
sayResults();

begin("summarize");
for (k = 1; k <= 3; k++) { spots("s" + k, k + 1); run("Analyze Particles...", "summarize"); close(); }
sayTitles();
sayTable("Summary");
selectWindow("Summary");
saveAs("Results", out + "summary.csv");
sayTitles();
run("Close");
sayTitles();

begin("display and summarize");
for (k = 1; k <= 2; k++) {
	spots("s" + k, k + 2);
	run("Analyze Particles...", "display clear summarize");
	say("count " + nResults);
	selectWindow("Summary"); say("info " + replace(getInfo("window.contents"), "\n", "|"));
	saveAs("Text", out + "summary" + k + ".txt");
	run("Close");
	selectWindow("Results"); run("Close");
}
sayTitles();

begin("summary of a stack");
newImage("stk", "8-bit black", 60, 60, 3);
setColor(220);
for (i = 1; i <= 3; i++) { setSlice(i); for (j = 0; j < i; j++) fillRect(5 + 15 * j, 5 + 15 * j, 6, 6); }
setThreshold(100, 255);
run("Analyze Particles...", "display clear summarize stack");
sayResults();
sayTitles();
sayTable("Summary of stk");
selectWindow("Summary of stk"); saveAs("Results", out + "summary-stack.csv");

begin("masks and overlay");
spots("s", 4);
run("Analyze Particles...", "show=[Count Masks] display");
say("images " + nImages + " " + getTitle());
selectWindow("s");
run("Analyze Particles...", "show=[Overlay Masks] display clear");
say("overlay " + Overlay.size);
sayResults();
Overlay.measure;
sayResults();
run("Measure Overlay", "");
say("rows " + nResults);

begin("overlay list");
newImage("o", "8-bit ramp", 50, 50, 1);
makeRectangle(1, 2, 10, 10); Overlay.addSelection;
makeOval(20, 20, 12, 8); Overlay.addSelection;
run("Select None");
Overlay.measure;
sayResults();
run("List Elements");
sayTitles();
selectWindow("Overlay Elements of o");
saveAs("Results", out + "elements.csv");

begin("no particles");
newImage("none", "8-bit black", 50, 50, 1);
setThreshold(100, 255);
run("Analyze Particles...", "display clear summarize");
say("rows " + nResults + " " + isOpen("Results") + " " + isOpen("Summary"));
sayTable("Summary");

begin("Find Maxima");
newImage("m", "8-bit black", 60, 60, 1);
for (i = 0; i < 5; i++) setPixel(8 + 10 * i, 30, 100 + 10 * i);
run("Find Maxima...", "prominence=10 output=Count");
sayResults();
run("Find Maxima...", "prominence=10 output=Count");
run("Find Maxima...", "prominence=35 output=Count");
sayResults();
run("Clear Results");
run("Find Maxima...", "prominence=10 output=List");
sayResults();
run("Find Maxima...", "prominence=10 output=[Point Selection]");
run("Measure");
sayResults();
