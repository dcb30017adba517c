import ij.IJ
import ij.plugin.frame.RoiManager
def rm = RoiManager.instance ?: new RoiManager()
def imp = IJ.openImage("input/a.tif")
imp.show()
IJ.setThreshold(imp, 128, 255)
IJ.run(imp, "Analyze Particles...", "size=0-Infinity add")
rm.runCommand(imp, "Measure")
IJ.saveAs("Results", "output/rm.csv")
