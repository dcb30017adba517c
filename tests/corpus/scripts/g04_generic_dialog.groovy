import ij.IJ
import ij.gui.GenericDialog
def gd = new GenericDialog("Filter")
gd.addNumericField("Value", 3, 0)
gd.addStringField("Output name", "out")
gd.addCheckbox("Invert first", true)
gd.showDialog()
if (gd.wasCanceled()) return
def value = gd.nextNumber as int
def name = gd.nextString
def imp = IJ.openImage("input/a.tif")
if (gd.nextBoolean) IJ.run(imp, "Invert", "")
IJ.run(imp, "Add...", "value=$value")
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/${name}.csv")
