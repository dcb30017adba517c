import ij.IJ
IJ.showMessage("Measures b.tif")
def imp = IJ.openImage("input/b.tif")
if (imp == null) { IJ.error("No image"); return }
IJ.run(imp, "Measure", "")
IJ.saveAs("Results", "output/b.csv")
System.exit(0)
