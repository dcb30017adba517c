import ij.IJ
IJ.open("input/b.tif")
def imp = IJ.getImage()
imp.setRoi(5, 5, 8, 8)
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/roi.csv")
imp.close()
