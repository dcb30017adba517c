import ij.IJ
def imp = IJ.getImage()
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/none.csv")
