import ij.IJ
import ij.plugin.ZProjector
def imp = IJ.openImage("input/stack.tif")
def max = ZProjector.run(imp, "max")
IJ.run(max, "Measure", "")
def min = ZProjector.run(imp, "min")
IJ.run(min, "Measure", "")
IJ.saveAs("Results", "output/projected.csv")
