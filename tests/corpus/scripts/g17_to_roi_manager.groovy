import ij.IJ
import ij.gui.Overlay
import ij.gui.Roi
import ij.measure.Measurements
import ij.measure.ResultsTable
import ij.plugin.filter.ParticleAnalyzer
import ij.plugin.frame.RoiManager

def imp = IJ.openImage("input/b.tif")
imp.show()
IJ.setThreshold(imp, 128, 255)
def options = ParticleAnalyzer.SHOW_NONE + ParticleAnalyzer.ADD_TO_MANAGER
new ParticleAnalyzer(options, Measurements.AREA, new ResultsTable(), 0, 100).analyze(imp)
def rm = RoiManager.instance
rm.runCommand(imp, "Measure")
rm.reset()
def overlay = new Overlay()
overlay.add(new Roi(40, 40, 16, 10))
imp.overlay = overlay
IJ.run(imp, "To ROI Manager", "")
rm.runCommand(imp, "Measure")
IJ.saveAs("Results", "output/rois.csv")
