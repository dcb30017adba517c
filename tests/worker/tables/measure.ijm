begin("loop over slices");
stack(6);
for (i = 1; i <= nSlices; i++) { setSlice(i); run("Measure"); }
sayResults();
selectWindow("Results");
saveAs("Results", out + "loop.csv");
say("open " + isOpen("Results") + " " + isOpen("loop.csv"));

begin("loop over images");
for (i = 1; i <= 4; i++) { newImage("image " + i, "8-bit ramp", 10 * i, 10, 1); run("Measure"); close(); }
sayResults();

begin("in batch mode");
setBatchMode(true);
for (i = 1; i <= 3; i++) { newImage("b" + i, "8-bit ramp", 10 * i, 10, 1); run("Measure"); close(); }
setBatchMode(false);
sayResults();

begin("rois and labels");
run("Set Measurements...", "area mean standard modal min centroid perimeter bounding shape integrated median stack display redirect=None decimal=4");
stack(2);
makeRectangle(3, 4, 10, 12); run("Measure");
makeOval(20, 10, 16, 16); run("Measure");
setSlice(2); makeLine(1, 1, 30, 30); run("Measure");
makePoint(5, 5); run("Measure");
sayResults();
saveAs("Results", out + "rois.txt");

begin("Clear Results between");
stack(3);
run("Measure"); run("Measure"); run("Clear Results"); say("cleared " + nResults + " " + isOpen("Results")); run("Measure");
sayResults();

begin("setResult and Measure");
newImage("a", "8-bit ramp", 20, 20, 1);
for (i = 0; i < 3; i++) { setResult("Value", nResults, i * 1.5); setResult("Name", nResults - 1, "n" + i); }
updateResults();
run("Measure");
setResult("Value", nResults - 1, 99);
run("Measure");
sayResults();

begin("setResult without updateResults");
newImage("a", "8-bit ramp", 20, 20, 1);
setResult("Value", 0, 1);
setResult("Value", 1, 2);
run("Measure");
sayResults();

begin("a column of labels");
newImage("a", "8-bit ramp", 20, 20, 1);
run("Measure"); setResult("Label", 0, "first"); run("Measure"); setResult("Label", 1, "second"); run("Measure");
sayResults();
say("label " + getResultLabel(0));

begin("changed measurements");
newImage("a", "8-bit ramp", 20, 20, 1);
run("Measure");
run("Set Measurements...", "area mean std perimeter redirect=None decimal=2");
run("Measure"); run("Measure");
sayResults();

begin("Summarize");
stack(4);
for (i = 1; i <= nSlices; i++) { setSlice(i); run("Measure"); }
run("Summarize");
sayResults();
saveAs("Results", out + "summarized.csv");
run("Measure");
say("rows after " + nResults);

begin("closed and measured again");
newImage("a", "8-bit ramp", 20, 20, 1);
for (image = 0; image < 3; image++) {
	for (i = 0; i < 4; i++) run("Measure");
	say("rows " + nResults);
	selectWindow("Results");
	saveAs("Results", out + "again" + image + ".csv");
	run("Close");
	say("then " + nResults + " " + isOpen("Results"));
}
begin("close(Results)");
newImage("a", "8-bit ramp", 20, 20, 1);
for (image = 0; image < 3; image++) {
	run("Measure"); run("Measure");
	close("Results");
	say("rows " + nResults + " " + isOpen("Results"));
}
begin("close(*)");
newImage("a", "8-bit ramp", 20, 20, 1);
run("Measure");
close("*");
say("rows " + nResults + " open " + isOpen("Results") + " images " + nImages);

begin("Measure Stack");
stack(5);
run("Set Measurements...", "mean stack redirect=None decimal=3");
run("Measure Stack...");
sayResults();

begin("after Select None");
newImage("a", "8-bit ramp", 20, 20, 1);
makeRectangle(2, 2, 5, 5); run("Measure");
run("Select None"); run("Measure");
sayResults();

begin("deleteRows");
stack(5);
for (i = 1; i <= nSlices; i++) { setSlice(i); run("Measure"); }
Table.deleteRows(1, 2);
sayResults();
IJ.deleteRows(0, 0);
run("Measure");
sayResults();

begin("renamed results");
stack(3);
run("Measure"); run("Measure");
IJ.renameResults("Mine");
say("rows " + nResults);
sayTitles();
run("Measure");
sayTable("Mine");
sayTitles();
Table.rename("Mine", "Yours");
sayTitles();
selectWindow("Yours");
saveAs("Results", out + "yours.csv");
sayTitles();

begin("copyResults");
stack(2);
run("Measure"); run("Measure");
String.copyResults();
say("copied " + replace(String.paste(), "\n", "|"));

begin("getResult out of range");
stack(2);
run("Measure");
say("value " + getResult("Mean", 0) + " " + getResult("Mean") + " " + getResult("No such", 0));
say("getValue " + getValue("results.count"));

begin("headings");
stack(2);
run("Measure");
say(String.getResultsHeadings);
headings = Table.headings;
say(headings);
