import ij.IJ
def imp = IJ.openImage("input/a.tif")
imp.show()
IJ.run(imp, "Duplicate...", "title=copy")
IJ.run(IJ.getImage(), "Invert", "")
IJ.run("Measure")
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/both.csv")
