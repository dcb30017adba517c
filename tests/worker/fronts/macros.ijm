// Which image is in front after each of these, and which images there are.
function told(name) {
	front = "none";
	if (nImages > 0) front = getTitle();
	all = "";
	titles = getList("image.titles");
	for (i = 0; i < titles.length; i++) all = all + " " + titles[i];
	print("> " + name + ": " + front + " |" + all + " | " + nImages);
	setBatchMode(false);
	while (nImages > 0) { selectImage(nImages); close(); }
	two();
}
function two() {
	newImage("a", "8-bit ramp", 32, 32, 1);
	newImage("b", "8-bit ramp", 32, 32, 1);
}
function stacks() {
	while (nImages > 0) { selectImage(nImages); close(); }
	newImage("a", "8-bit ramp", 32, 32, 4);
	newImage("b", "8-bit ramp", 32, 32, 4);
}
function three() { newImage("c", "8-bit ramp", 32, 32, 1); }
two();
told("two");
close(); told("close");
selectWindow("a"); told("selectWindow");
selectImage("a"); told("selectImage");
selectImage(1); told("selectImage(1)");
selectWindow("a"); close(); told("close of the one behind");
close("a"); told("close(a)");
close("\\Others"); told("close others");
selectWindow("a"); close("\\Others"); told("select and close others");
three(); close("b"); told("three, close(b)");
three(); selectWindow("a"); close(); told("three, a selected and closed");
three(); selectWindow("a"); selectWindow("b"); close(); told("three, b after a, closed");
three(); close("c"); told("three, close(c)");
run("Close"); told("run(Close)");
run("Close All"); told("run(Close All)");
run("Put Behind [tab]"); told("Put Behind");
run("Put Behind [tab]"); run("Put Behind [tab]"); told("Put Behind twice");
three(); run("Put Behind [tab]"); told("Put Behind of three");
run("Duplicate...", "title=c"); told("Duplicate");
selectWindow("a"); run("Duplicate...", "title=c"); told("Duplicate of a");
run("Duplicate...", "title=c"); close(); told("Duplicate and close");
stacks(); selectWindow("a"); run("Z Project...", "projection=[Max Intensity]"); told("Z Project");
stacks(); selectWindow("a"); run("Z Project...", "projection=[Max Intensity]"); close(); told("Z Project and close");
stacks(); selectWindow("a"); run("Stack to Images"); told("Stack to Images");
stacks(); run("Make Montage...", "columns=2 rows=2 scale=1"); told("Montage");
stacks(); run("Make Substack...", "slices=1,3"); told("Substack");
stacks(); run("Reslice [/]...", "output=1 start=Top"); told("Reslice");
stacks(); run("Concatenate...", "all_open title=c"); told("Concatenate");
stacks(); selectWindow("a"); run("Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=2 frames=1"); told("Hyperstack");
stacks(); selectWindow("a"); run("Make Composite", "display=Composite"); told("Composite");
stacks(); run("Merge Channels...", "c1=a c2=b create"); told("Merge of stacks");
run("Images to Stack", "name=s title=[] use"); told("Images to Stack");
run("Images to Stack", "name=s title=[] use"); run("Stack to Images"); told("to Stack and back");
run("Merge Channels...", "c1=a c2=b create"); told("Merge");
run("Merge Channels...", "c1=a c2=b create keep"); told("Merge keep");
run("Merge Channels...", "c1=a c2=b"); told("Merge to RGB");
run("Merge Channels...", "c1=a c2=b create"); run("Split Channels"); told("Merge and split");
run("RGB Color"); run("Split Channels"); told("Split");
selectWindow("a"); run("RGB Color"); run("RGB Stack"); told("RGB Stack");
selectWindow("a"); run("RGB Color"); run("HSB Stack"); run("Stack to Images"); told("HSB Stack to Images");
selectWindow("a"); run("RGB Color"); told("RGB");
selectWindow("a"); run("16-bit"); told("16-bit");
imageCalculator("Add create", "a", "b"); told("calculator create");
imageCalculator("Add", "a", "b"); told("calculator in place");
run("Image Calculator...", "image1=a operation=Add image2=b create"); told("run(Image Calculator)");
selectWindow("a"); setThreshold(100, 255); run("Analyze Particles...", "show=Masks"); told("Particles, masks");
selectWindow("a"); setThreshold(100, 255); run("Analyze Particles...", "show=Nothing"); told("Particles, nothing");
selectWindow("a"); run("Find Maxima...", "prominence=10 output=[Single Points]"); told("Maxima");
selectWindow("a"); makeRectangle(2, 2, 9, 9); run("Create Mask"); told("Create Mask");
selectWindow("a"); setThreshold(100, 255); run("Create Mask"); told("Create Mask of a threshold");
selectWindow("a"); setThreshold(100, 255); run("Convert to Mask"); told("Convert to Mask");
selectWindow("a"); run("FFT"); told("FFT");
selectWindow("a"); run("FFT"); run("Inverse FFT"); told("Inverse FFT");
selectWindow("a"); run("Scale...", "x=2 y=2 width=64 height=64 interpolation=None create title=c"); told("Scale");
selectWindow("a"); run("Size...", "width=16 height=16"); told("Size");
selectWindow("a"); makeRectangle(2, 2, 9, 9); run("Copy"); run("Internal Clipboard"); told("Internal Clipboard");
selectWindow("a"); run("Copy"); selectWindow("b"); run("Paste"); told("Paste");
selectWindow("a"); run("Flatten"); told("Flatten");
selectWindow("a"); rename("c"); told("rename");
selectWindow("a"); run("Rename...", "title=c"); told("Rename");
selectWindow("a"); saveAs("Tiff", getDirectory("temp") + "saved.tif"); told("saveAs");
selectWindow("a"); saveAs("Tiff", getDirectory("temp") + "saved.tif"); close(); open(getDirectory("temp") + "saved.tif"); told("open");
newImage("c", "8-bit black", 8, 8, 1); told("newImage");
run("New...", "name=c type=8-bit fill=White width=8 height=8 slices=1"); told("New");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); setBatchMode(false); told("batch mode");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); newImage("d", "8-bit black", 8, 8, 1); setBatchMode(false); told("batch mode, two");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); newImage("d", "8-bit black", 8, 8, 1); setBatchMode("exit and display"); told("batch mode, exit and display");
setBatchMode(true); selectImage("a"); setBatchMode(false); told("batch mode, select");
setBatchMode(true); selectImage("a"); close(); setBatchMode(false); told("batch mode, close");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); close(); setBatchMode(false); told("batch mode, new and close");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); selectImage("a"); setBatchMode(false); told("batch mode, new and select");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); setBatchMode("show"); setBatchMode(false); told("batch mode, show");
setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); setBatchMode(true); told("batch mode, again");
setBatchMode("hide"); told("hide");
setBatchMode("hide"); newImage("c", "8-bit black", 8, 8, 1); setBatchMode("show"); told("hide, new, show");
setBatchMode(true); run("Duplicate...", "title=c"); selectWindow("a"); run("Duplicate...", "title=d"); told("batch mode, duplicates");
path = getDirectory("temp") + "twice.tif";
selectWindow("a"); saveAs("Tiff", path); rename("a"); open(path); open(path); told("opened twice");
open(path); setBatchMode(true); open(path); open(path); setBatchMode("exit and display"); told("opened twice in batch mode");
open(path); run("Duplicate...", " "); run("Duplicate...", " "); told("duplicates without a title");
newImage("a", "8-bit black", 8, 8, 1); told("newImage with a title that is there");
open(path); close("twice*"); open(path); told("opened, closed, opened");
