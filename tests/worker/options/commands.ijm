// What ImageJ's own commands make of an image by their options, with variables of the macro in them.
var sigma = 2.5;
var w = 40;
var h = 24;
var title = "named";
var name = "by sign";
var way = "Sum Slices";
var two = 2;
var kernel = "0 0 0 0 3 0 0 0 0";

function picture(type, slices) {
	newImage("a", type + " ramp", 48, 32, slices);
	for (i = 1; i <= slices; i++) {
		if (slices > 1) setSlice(i);
		for (x = 0; x < 48; x += 5) for (y = 0; y < 32; y += 3) setPixel(x, y, (x * 7 + y * 13 + i * 29) % 251);
	}
	if (slices > 1) setSlice(1);
	updateDisplay();
}

function told() {
	text = "";
	n = nImages;
	for (k = 1; k <= n; k++) {
		selectImage(k);
		getDimensions(width, height, channels, slices, frames);
		text += " " + getTitle() + " " + bitDepth() + " " + width + "x" + height + "x" + channels + "x" + slices + "x" + frames;
		for (j = 1; j <= nSlices; j++) {
			if (nSlices > 1) setSlice(j);
			getStatistics(area, mean, min, max, std);
			text += " " + d2s(mean, 4) + "/" + d2s(min, 3) + "/" + d2s(max, 3) + "/" + d2s(std, 4);
		}
		getPixelSize(unit, pw, ph);
		text += " " + pw + unit;
	}
	return text + " rows " + nResults;
}

function does(type, slices, command, options) {
	picture(type, slices);
	run(command, options);
	print("> " + command + " | " + replace(options, "\n", "/") + " | " + told());
	run("Clear Results");
	close("*");
}

setBatchMode(true);
does("8-bit", 1, "Convolve...", "text1=[0 0 0\n0 2 0\n0 0 0\n]");
does("8-bit", 1, "Convolve...", "text1=[-1 -1 -1\n-1 8 -1\n-1 -1 -1\n] normalize");
does("8-bit", 3, "Convolve...", "text1=[1 1 1 1 1\n1 1 1 1 1\n1 1 1 1 1\n1 1 1 1 1\n1 1 1 1 1\n] normalize stack");
does("8-bit", 3, "Convolve...", "text1=[0 2 0\n] stack");
does("32-bit", 1, "Convolve...", "text1=[0 0 0 0 0.5 0 0 0 0]");
does("8-bit", 1, "Convolve...", "normalize");
does("8-bit", 1, "Gaussian Blur...", "sigma=sigma");
does("8-bit", 1, "Gaussian Blur...", "sigma=&sigma");
does("8-bit", 3, "Gaussian Blur...", "sigma=1 stack");
does("8-bit", 3, "Gaussian Blur...", "sigma=1 slice");
does("8-bit", 1, "Gaussian Blur...", "sigma=2 scaled");
does("8-bit", 1, "Gaussian Blur...", "radius=2");
does("8-bit", 1, "Unsharp Mask...", "radius=1 mask=0.60");
does("8-bit", 1, "Median...", "radius=two");
does("8-bit", 3, "Median 3D...", "x=1 y=1 z=1");
does("8-bit", 3, "Gaussian Blur 3D...", "x=1 y=1 z=0.5");
does("8-bit", 1, "Mean...", "radius=1.5");
does("8-bit", 1, "Remove Outliers...", "radius=2 threshold=5 which=Dark");
does("8-bit", 1, "Remove Outliers...", "radius=2 threshold=5 which=Bright");
does("8-bit", 1, "Subtract Background...", "rolling=8 light");
does("8-bit", 1, "Subtract Background...", "rolling=8 sliding create");
does("8-bit", 1, "Subtract Background...", "rolling=8 disable");
does("8-bit", 1, "Add...", "value=&two");
does("8-bit", 1, "Macro...", "code=v=v/2+x");
does("8-bit", 3, "Multiply...", "value=1.5 stack");
does("8-bit", 1, "Gamma...", "value=0.5");
does("8-bit", 1, "Min...", "value=50");
does("8-bit", 1, "Duplicate...", "title=title");
does("8-bit", 1, "Duplicate...", "title=&name");
does("8-bit", 3, "Duplicate...", "title=[a b] duplicate range=2-3");
does("8-bit", 3, "Duplicate...", "duplicate");
does("8-bit", 1, "Canvas Size...", "width=w height=h position=Top-Left zero");
does("8-bit", 1, "Canvas Size...", "width=&w height=30 position=Center");
does("8-bit", 1, "Size...", "width=&w height=&h depth=1 interpolation=None");
does("8-bit", 1, "Size...", "width=24 height=16 depth=1 constrain average interpolation=Bilinear");
does("8-bit", 3, "Size...", "width=24 height=16 depth=2 interpolation=Bicubic");
does("8-bit", 1, "Scale...", "x=0.5 y=0.5 interpolation=Bilinear average create");
does("8-bit", 1, "Scale...", "x=- y=- width=20 height=10 interpolation=None create title=title");
does("8-bit", 3, "Scale...", "x=2 y=2 z=1.0 interpolation=Bicubic process create title=[big one]");
does("8-bit", 1, "Translate...", "x=3 y=-2 interpolation=None");
does("8-bit", 1, "Rotate... ", "angle=17 grid=1 interpolation=Bilinear enlarge");
does("8-bit", 1, "Bin...", "x=2 y=2 bin=Max");
does("8-bit", 3, "Bin...", "x=2 y=2 z=3 bin=Average");
does("8-bit", 4, "Z Project...", "projection=[Max Intensity]");
does("8-bit", 4, "Z Project...", "start=2 stop=3 projection=Median");
does("8-bit", 4, "Z Project...", "projection=&way");
does("8-bit", 4, "Grouped Z Project...", "projection=[Sum Slices] group=2");
does("8-bit", 4, "Make Montage...", "columns=2 rows=2 scale=0.5 border=1");
does("8-bit", 4, "Make Substack...", "slices=2-3");
does("8-bit", 4, "Make Substack...", "slices=1,3");
does("8-bit", 4, "Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=2 frames=1 display=Grayscale");
does("8-bit", 4, "Reslice [/]...", "output=1.000 slice=1 start=Top flip");
does("8-bit", 4, "Reslice [/]...", "output=1.000 slice=1 start=Left rotate avoid");
does("8-bit", 4, "Reduce...", "reduction=2");
does("8-bit", 1, "Enhance Contrast...", "saturated=0.5 normalize");
does("8-bit", 1, "Enhance Contrast...", "saturated=0.5 equalize");
does("8-bit", 3, "Enhance Contrast...", "saturated=5 normalize process_all use");
does("8-bit", 1, "Find Maxima...", "prominence=20 output=[Single Points]");
does("8-bit", 1, "Find Maxima...", "prominence=20 strict exclude light output=Count");
does("8-bit", 1, "Find Maxima...", "noise=40 output=[Maxima Within Tolerance]");
does("8-bit", 1, "Add Specified Noise...", "standard=0");
does("8-bit", 1, "Set Scale...", "distance=10 known=2 unit=mm");
does("8-bit", 1, "Properties...", "channels=1 slices=1 frames=1 unit=mm pixel_width=0.5 pixel_height=0.5 voxel_depth=2");
does("16-bit", 1, "Set Measurements...", "area mean limit redirect=None decimal=3");
does("RGB", 1, "RGB Stack", "");
does("16-bit", 1, "Bandpass Filter...", "filter_large=20 filter_small=3 suppress=None tolerance=5");
does("8-bit", 1, "Bandpass Filter...", "filter_large=20 filter_small=3 suppress=Horizontal tolerance=5 autoscale saturate");
does("8-bit", 1, "Shadows Demo", "");
does("8-bit", 3, "Label...", "format=0000 starting=5 interval=2 x=2 y=14 font=10 text=s range=1-3");
does("8-bit", 1, "Scale Bar...", "width=10 height=4 thickness=4 font=10 color=White background=None location=[Lower Right] horizontal hide overlay");
for (f = 0; f < 2; f++) {
	picture("8-bit", 1);
	rename("one");
	picture("8-bit", 1);
	rename("two");
	run("Invert");
	options = "image1=one operation=Add image2=two create";
	if (f == 1) options = "image1=one operation=[Difference] image2=two create 32-bit";
	run("Image Calculator...", options);
	print("> Image Calculator... | " + options + " | " + told());
	close("*");
}
for (f = 0; f < 3; f++) {
	picture("8-bit", 1);
	setThreshold(100, 255);
	options = "size=3-Infinity circularity=0.00-1.00 show=Nothing display exclude clear";
	if (f == 1) options = "size=0-4 pixel show=Masks display include summarize";
	if (f == 2) options = "size=2-Infinity show=[Count Masks] in_situ";
	run("Analyze Particles...", options);
	print("> Analyze Particles... | " + options + " | " + told());
	run("Clear Results");
	close("*");
}
picture("8-bit", 1); rename("one"); picture("8-bit", 1); rename("two"); picture("8-bit", 1); rename("three");
run("Merge Channels...", "c1=one c3=three create keep");
print("> Merge Channels... | " + told());
run("Concatenate...", "  title=[all of them] open image1=one image2=two image3=[-- None --]");
print("> Concatenate... | " + told());
close("*");
picture("8-bit", 1); rename("one"); picture("8-bit", 1); rename("two");
run("Images to Stack", "name=stacked title=[] use");
print("> Images to Stack | " + told());
close("*");

function opens(options) {
	run("Image Sequence...", options);
	print("> Image Sequence... | " + replace(options, folder, "DIR") + " | " + told());
	close("*");
}
function saves(options) {
	File.makeDirectory(folder + "saved");
	picture("8-bit", 3);
	setMetadata("Label", "first");
	run("Image Sequence... ", options);
	close("*");
	names = getFileList(folder + "saved");
	text = "";
	for (i = 0; i < names.length; i++) {
		text += " " + names[i];
		open(folder + "saved/" + names[i]);
		gone = File.delete(folder + "saved/" + names[i]);
	}
	print("> Image Sequence...  | " + replace(options, folder, "DIR") + " |" + text + " |" + told());
	close("*");
}
var folder = call("java.lang.System.getProperty", "user.dir") + "/sequence/";
File.makeDirectory(folder);
for (s = 1; s < 12; s++) {
	picture("8-bit", 1);
	run("Add...", "value=" + s);
	saveAs("Tiff", folder + "t" + s + ".tif");
	close();
}
opens("dir=[" + folder + "] sort");
opens("open=[" + folder + "] number=3 starting=2 increment=4 scale=100 file=[] sort");
opens("open=[" + folder + "t5.tif] number=2 starting=1 increment=1 scale=50 file=t1 or=[] sort");
opens("dir=" + folder + " filter=1 sort");
opens("dir=" + folder + " filter=(t[2-4]\\.tif) start=2 sort use");
opens("dir=" + folder + " type=16-bit count=2 step=two scale=50 sort");
opens("dir=&folder count=two sort");
opens("dir=" + folder + " type=RGB filter=1 sort convert_to_rgb");
opens("dir=" + folder + " filter=t1 sort open");
saves("dir=" + folder + "saved/ format=TIFF name=d_ start=1 digits=2");
saves("dir=[" + folder + "saved/] format=PNG name=[a b ] start=5 digits=4");
saves("dir=" + folder + "saved format=TIFF use");
saves("dir=" + folder + "saved/ format=TIFF name=title digits=&two");
