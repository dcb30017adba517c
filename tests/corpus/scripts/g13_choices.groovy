#@ String (choices={"Invert", "None"}, style="radioButtonHorizontal") action
#@ Double (value=0.5) factor
import ij.IJ
def imp = IJ.openImage("input/c.tif")
if (action == "Invert") IJ.run(imp, "Invert", "")
IJ.run(imp, "Multiply...", "value=$factor")
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/${action}.csv")
