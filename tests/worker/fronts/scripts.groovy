// Which image is in front after each of these, and which images there are.
import ij.*
import ij.gui.*
import ij.plugin.*
import ij.plugin.frame.RoiManager
import ij.plugin.filter.*
import ij.process.*

ImagePlus make(String title, int slices = 1, String type = "8-bit ramp") {
    def image = IJ.createImage(title, type, 32, 32, slices)
    image.show()
    return image
}
void cleanUp() {
    (WindowManager.getIDList() ?: [] as int[]).each { id ->
        def image = WindowManager.getImage(id)
        image.changes = false
        image.close()
    }
    WindowManager.setTempCurrentImage(null)
    IJ.run("Options...", "iterations=1 count=1 black")
}
def told = { String name, Closure act ->
    cleanUp()
    String end = ""
    try { act() } catch (Throwable thrown) { end = " threw " + thrown.getClass().getSimpleName() }
    def front = WindowManager.getCurrentImage()
    def all = (WindowManager.getIDList() ?: [] as int[]).collect { WindowManager.getImage(it)?.getTitle() }
    println "> " + name + ": " + front?.getTitle() + " | " + all + end
}
def two = { Closure act -> { -> def a = make("a"); def b = make("b"); act(a, b) } }
def stack = { Closure act -> { -> def a = make("a", 4); def b = make("b", 4); act(a, b) } }

told("two shows", two { a, b -> })
told("close of the front", two { a, b -> b.close() })
told("close of the one behind", two { a, b -> a.close() })
told("hide of the front", two { a, b -> b.hide() })
told("hide and show", two { a, b -> a.hide(); a.show() })
told("show again", two { a, b -> a.show() })
told("duplicate().show()", two { a, b -> a.duplicate().show() })
told("duplicate() unshown", two { a, b -> a.duplicate() })
told("new Duplicator().run", stack { a, b -> new Duplicator().run(a, 1, 2).show() })
told("run(imp, Duplicate)", two { a, b -> IJ.run(a, "Duplicate...", "title=c") })
told("run(Duplicate)", two { a, b -> IJ.run("Duplicate...", "title=c") })
told("run(imp, Duplicate stack)", stack { a, b -> IJ.run(a, "Duplicate...", "title=c duplicate") })
told("run(imp, Invert)", two { a, b -> IJ.run(a, "Invert", "") })
told("run(imp, Gaussian)", two { a, b -> IJ.run(a, "Gaussian Blur...", "sigma=2") })
told("run(imp, Z Project)", stack { a, b -> IJ.run(a, "Z Project...", "projection=[Max Intensity]") })
told("ZProjector.run", stack { a, b -> ZProjector.run(a, "max").show() })
told("run(imp, Make Montage)", stack { a, b -> IJ.run(a, "Make Montage...", "columns=2 rows=2 scale=1") })
told("run(imp, Stack to Images)", stack { a, b -> IJ.run(a, "Stack to Images", "") })
told("run(Images to Stack)", two { a, b -> IJ.run("Images to Stack", "name=s title=[] use") })
told("run(imp, Reslice)", stack { a, b -> IJ.run(a, "Reslice [/]...", "output=1 start=Top") })
told("run(imp, Make Substack)", stack { a, b -> IJ.run(a, "Make Substack...", "slices=1,3") })
told("run(imp, Scale)", two { a, b -> IJ.run(a, "Scale...", "x=2 y=2 width=64 height=64 interpolation=None create title=c") })
told("run(imp, Size)", two { a, b -> IJ.run(a, "Size...", "width=16 height=16") })
told("run(imp, Create Mask)", two { a, b -> a.setRoi(2, 2, 9, 9); IJ.run(a, "Create Mask", "") })
told("run(imp, Convert to Mask)", two { a, b -> IJ.setThreshold(a, 100, 255); IJ.run(a, "Convert to Mask", "") })
told("run(imp, Find Maxima)", two { a, b -> IJ.run(a, "Find Maxima...", "prominence=10 output=[Single Points]") })
told("run(imp, Analyze Particles masks)", two { a, b ->
    IJ.setThreshold(a, 100, 255); IJ.run(a, "Analyze Particles...", "show=Masks") })
told("run(imp, Analyze Particles outlines)", two { a, b ->
    IJ.setThreshold(a, 100, 255); IJ.run(a, "Analyze Particles...", "show=[Bare Outlines]") })
told("ParticleAnalyzer", two { a, b ->
    IJ.setThreshold(a, 100, 255)
    def analyzer = new ParticleAnalyzer(ParticleAnalyzer.SHOW_MASKS, 0, new ij.measure.ResultsTable(), 0, 1e9)
    analyzer.setHideOutputImage(true); analyzer.analyze(a) })
told("run(imp, FFT)", two { a, b -> IJ.run(a, "FFT", "") })
told("run(imp, FFT then inverse)", two { a, b -> IJ.run(a, "FFT", ""); IJ.run("Inverse FFT") })
told("run(imp, Plot Profile)", two { a, b -> a.setRoi(new Line(0, 0, 20, 20)); IJ.run(a, "Plot Profile", "") })
told("run(imp, Flatten)", two { a, b -> IJ.run(a, "Flatten", "") })
told("flatten().show()", two { a, b -> a.flatten().show() })
told("crop().show()", two { a, b -> a.setRoi(2, 2, 9, 9); a.crop().show() })
told("run(imp, Crop)", two { a, b -> a.setRoi(2, 2, 9, 9); IJ.run(a, "Crop", "") })
told("run(imp, Copy) and Paste", two { a, b -> IJ.run(a, "Copy", ""); IJ.run(b, "Paste", "") })
told("internal clipboard", two { a, b -> IJ.run(a, "Copy", ""); IJ.run("Internal Clipboard") })
told("run(Concatenate)", stack { a, b -> IJ.run("Concatenate...", "all_open title=c") })
told("Concatenator.run", stack { a, b -> Concatenator.run(a, b).show() })
told("run(Merge Channels)", two { a, b -> IJ.run("Merge Channels...", "c1=a c2=b create") })
told("run(Merge Channels keep)", two { a, b -> IJ.run("Merge Channels...", "c1=a c2=b create keep") })
told("RGBStackMerge", two { a, b -> RGBStackMerge.mergeChannels([a, b] as ImagePlus[], true).show() })
told("run(imp, Split Channels)", { ->
    def a = make("rgb", 1, "RGB ramp"); def b = make("b"); IJ.run(a, "Split Channels", "") })
told("ChannelSplitter", { ->
    def a = make("rgb", 1, "RGB ramp"); def b = make("b"); ChannelSplitter.split(a).each { it.show() } })
told("run(imp, RGB Stack)", { -> def a = make("rgb", 1, "RGB ramp"); make("b"); IJ.run(a, "RGB Stack", "") })
told("run(imp, HSB Stack)", { -> def a = make("rgb", 1, "RGB ramp"); make("b"); IJ.run(a, "HSB Stack", "") })
told("run(imp, RGB Color)", { ->
    def a = make("a", 3); make("b"); IJ.run(a, "Make Composite", "display=Composite"); IJ.run("RGB Color") })
told("run(imp, 16-bit)", two { a, b -> IJ.run(a, "16-bit", "") })
told("ImageConverter", two { a, b -> new ImageConverter(a).convertToGray32() })
told("run(Image Calculator create)", two { a, b ->
    IJ.run("Image Calculator...", "image1=a operation=Add image2=b create") })
told("run(imageCalculator in place)", two { a, b ->
    IJ.run("Image Calculator...", "image1=a operation=Add image2=b") })
told("ImageCalculator.run", two { a, b -> ImageCalculator.run(a, b, "Add create").show() })
told("run(imp, Subtract Background)", two { a, b -> IJ.run(a, "Subtract Background...", "rolling=5") })
told("run(imp, Distance Map)", two { a, b -> IJ.run(a, "Make Binary", ""); IJ.run(a, "Distance Map", "") })
told("run(imp, EDM output 16)", two { a, b ->
    IJ.run("Options...", "iterations=1 count=1 black edm=16-bit"); IJ.run(a, "Make Binary", "")
    IJ.run(a, "Distance Map", ""); IJ.run("Options...", "edm=Overwrite") })
told("run(imp, Ultimate Points 32)", two { a, b -> IJ.run(a, "Make Binary", ""); IJ.run(a, "Watershed", "") })
told("run(imp, Orthogonal)", stack { a, b -> IJ.run(a, "Stack to Hyperstack...", "order=xyczt(default) channels=1 slices=4 frames=1") })
told("run(imp, Plot Z-axis Profile)", stack { a, b -> IJ.run(a, "Plot Z-axis Profile", "") })
told("run(imp, Straighten)", two { a, b ->
    a.setRoi(new PolygonRoi([2, 10, 20] as float[], [2, 12, 4] as float[], Roi.POLYLINE)); IJ.run(a, "Straighten...", "title=c line=5") })
told("run(imp, Rotate 90)", two { a, b -> IJ.run(a, "Rotate 90 Degrees Right", "") })
told("run(imp, Canvas Size)", two { a, b -> IJ.run(a, "Canvas Size...", "width=40 height=40 position=Center") })
told("run(imp, Bin)", two { a, b -> IJ.run(a, "Bin...", "x=2 y=2 bin=Average") })
told("run(imp, Surface Plot)", two { a, b -> IJ.run(a, "Surface Plot...", "polygon=20") })
told("run(imp, Add Image overlay)", two { a, b -> IJ.run(b, "Add Image...", "image=a x=0 y=0 opacity=50") })
told("newImage", two { a, b -> IJ.newImage("c", "8-bit black", 8, 8, 1) })
told("run(Image...)", two { a, b -> IJ.run("New...", "name=c type=8-bit fill=White width=8 height=8 slices=1") })
told("doCommand", two { a, b -> IJ.run("Add Slice", "") })
told("selectWindow(title)", two { a, b -> IJ.selectWindow("a") })
told("selectWindow(id)", two { a, b -> IJ.selectWindow(a.getID()) })
told("setCurrentWindow", two { a, b -> if (a.getWindow() != null) WindowManager.setCurrentWindow(a.getWindow()); else WindowManager.setTempCurrentImage(a) })
told("setTempCurrentImage", two { a, b -> WindowManager.setTempCurrentImage(a) })
told("temp, then run(imp)", two { a, b -> WindowManager.setTempCurrentImage(a); IJ.run(b, "Invert", "") })
told("runMacro Duplicate", two { a, b -> IJ.runMacro("selectWindow('a'); run('Duplicate...', 'title=c');".replace("'", '"')) })
told("runMacro select", two { a, b -> IJ.runMacro('selectWindow("a");') })
told("runMacro newImage and close", two { a, b -> IJ.runMacro('newImage("c", "8-bit black", 8, 8, 1); close();') })
told("runMacro batch mode", two { a, b -> IJ.runMacro('setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); setBatchMode(false);') })
told("runMacro batch mode, shown", two { a, b ->
    IJ.runMacro('setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); newImage("d", "8-bit black", 8, 8, 1); setBatchMode("exit and display");') })
told("runMacro batch mode, left on", two { a, b -> IJ.runMacro('setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1);') })
told("runMacro batch mode, left on, a selected", two { a, b -> IJ.runMacro('setBatchMode(true); selectImage("a"); run("Invert");') })
told("runMacro batch mode twice", two { a, b -> 2.times { IJ.runMacro('setBatchMode(true); newImage("c", "8-bit black", 8, 8, 1); setBatchMode(false);') } })
told("runMacro with hidden front", two { a, b -> IJ.runMacro('setBatchMode("hide"); newImage("c", "8-bit black", 8, 8, 1); setBatchMode("show"); setBatchMode(false);') })
told("runMacro result", two { a, b -> IJ.runMacro('return "" + nImages;') })
told("run(imp, RGB Color) of a stack", { -> def a = make("a", 3); make("b"); IJ.run(a, "Make Composite", "display=Composite"); IJ.run(a, "RGB Color", "") })
told("setStack of the one behind", two { a, b -> a.setStack(IJ.createImage("s", "8-bit ramp", 32, 32, 3).getStack()) })
told("setProcessor of a stack behind", stack { a, b -> a.setProcessor(a.getProcessor().duplicate()) })
told("HyperStackConverter", stack { a, b -> HyperStackConverter.toHyperStack(a, 2, 2, 1) })
told("HyperStackConverter of one channel", stack { a, b -> HyperStackConverter.toHyperStack(a, 1, 4, 1) })
told("toStack", stack { a, b -> HyperStackConverter.toHyperStack(a, 1, 2, 2); HyperStackConverter.toStack(a) })
told("deleteSlice", stack { a, b -> a.getStack().deleteLastSlice(); a.setStack(a.getStack()) })
told("run(imp, Delete Slice)", stack { a, b -> 3.times { IJ.run(a, "Delete Slice", "") } })
told("run(imp, Add Slice)", two { a, b -> IJ.run(a, "Add Slice", "") })
told("run(imp, Stack to Hyperstack)", stack { a, b -> IJ.run(a, "Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=2 frames=1") })
told("run(imp, Hyperstack to Stack)", stack { a, b ->
    IJ.run(a, "Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=2 frames=1"); IJ.run("Hyperstack to Stack") })
told("toFront", two { a, b -> a.getWindow()?.toFront(); if (a.getWindow() == null) WindowManager.setTempCurrentImage(a) })
told("close(), then command", two { a, b -> a.close(); IJ.run("Invert") })
told("changes, close all of WindowManager", two { a, b -> WindowManager.closeAllWindows() })
told("runMacro close others", two { a, b -> IJ.runMacro('selectWindow("a"); close("\\\\Others");') })
told("runMacro split", { -> make("rgb", 1, "RGB ramp"); IJ.runMacro('run("Split Channels");') })
told("runMacro calculator", two { a, b -> IJ.runMacro('imageCalculator("Add create", "a", "b");') })
told("runMacro rename", two { a, b -> IJ.runMacro('selectImage("a"); rename("c");') })
told("runMacro particles", two { a, b ->
    IJ.runMacro('selectWindow("a"); setThreshold(100, 255); run("Analyze Particles...", "show=Masks");') })
told("open", two { a, b ->
    def file = File.createTempFile("saved", ".tif"); IJ.saveAsTiff(a, file.path); IJ.open(file.path)
    a.setTitle("a"); WindowManager.getCurrentImage()?.setTitle("opened"); file.delete() })
told("openImage unshown", two { a, b ->
    def file = File.createTempFile("saved", ".tif"); IJ.save(a, file.path); IJ.openImage(file.path); a.setTitle("a"); file.delete() })
told("run(Open...)", two { a, b ->
    def file = File.createTempFile("saved", ".tif"); IJ.saveAs(b, "Tiff", file.path); b.setTitle("b")
    IJ.run("Open...", "path=[" + file.path + "]"); WindowManager.getCurrentImage()?.setTitle("opened"); file.delete() })
told("opened twice", two { a, b ->
    def folder = java.nio.file.Files.createTempDirectory("twice").toString()
    IJ.saveAs(a, "Tiff", folder + "/c.tif"); a.setTitle("a")
    IJ.open(folder + "/c.tif"); IJ.open(folder + "/c.tif"); IJ.run("Open...", "path=[" + folder + "/c.tif]")
    IJ.openImage(folder + "/c.tif").show(); IJ.run("Duplicate...", "title=c.tif") })
told("unique names", two { a, b -> b.setTitle("a"); make(WindowManager.getUniqueName("a")); make(WindowManager.makeUniqueName("c")) })
told("saveAs of the one behind", two { a, b ->
    def file = File.createTempFile("saved", ".tif"); IJ.saveAs(a, "Tiff", file.path); a.setTitle("a"); file.delete() })
told("run(Close)", two { a, b -> IJ.run("Close") })
told("run(imp, Close)", two { a, b -> IJ.run(a, "Close", "") })
told("run(Close All)", two { a, b -> a.changes = false; b.changes = false; IJ.run("Close All") })
told("close, then new", two { a, b -> b.close(); make("c") })
told("three, close the middle", two { a, b -> make("c"); b.close() })
told("three, close the last", two { a, b -> make("c").close() })
told("updateAndDraw", two { a, b -> a.getProcessor().invert(); a.updateAndDraw() })
told("setImage", two { a, b -> a.setImage(b.duplicate()) })
told("setTitle", two { a, b -> a.setTitle("b") })
told("run(Next Slice)", stack { a, b -> IJ.run(a, "Next Slice [>]", "") })
told("run(Put Behind)", two { a, b -> IJ.run("Put Behind [tab]") })
told("run(imp, Calibrate)", two { a, b -> IJ.run(a, "Properties...", "channels=1 slices=1 frames=1 pixel_width=2 pixel_height=2 voxel_depth=2") })
told("run(imp, Set Scale global)", two { a, b -> IJ.run(a, "Set Scale...", "distance=1 known=2 unit=um") })
told("getImage after run(imp)", two { a, b -> IJ.run(a, "Invert", ""); IJ.getImage() })
cleanUp()
