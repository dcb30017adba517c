#@ File folder
#@ Double sigma
#@ Integer smallest
#@ Boolean watershed
import ij.IJ
import ij.ImagePlus
import ij.measure.Measurements
import ij.measure.ResultsTable
import ij.plugin.filter.ParticleAnalyzer

def image = IJ.createImage("train", "16-bit ramp", 256, 256, 1)
IJ.saveAs(image, "Tiff", new File(folder, "groovy.tif").path)
image = IJ.openImage(new File(folder, "groovy.tif").path)
IJ.run(image, "Gaussian Blur...", "sigma=${sigma}")
IJ.setAutoThreshold(image, "Otsu dark")
def mask = new ImagePlus("mask", image.createThresholdMask())
IJ.setThreshold(mask, 255, 255)
def table = new ResultsTable()
new ParticleAnalyzer(0, Measurements.AREA + Measurements.MEAN, table, smallest, 1e9d).analyze(mask)
table.save(new File(folder, "groovy.csv").path)
new File(folder, "rows.csv").withWriter { it.writeLine("count,${table.size()}") }
IJ.saveAs(image.flatten(), "PNG", new File(folder, "groovy.png").path)
println "${table.size()} objects"
