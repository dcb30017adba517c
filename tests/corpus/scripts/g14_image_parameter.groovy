#@ ImagePlus imp
import ij.IJ
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/image.csv")
