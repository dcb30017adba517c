# @ File folder
# @ Double sigma
# @ Integer smallest
# @ Boolean watershed
import csv
import os

from ij import IJ, ImagePlus
from ij.gui import Overlay
from ij.measure import Measurements, ResultsTable
from ij.plugin.filter import ParticleAnalyzer
from ij.process import AutoThresholder

folder = folder.getPath()
image = IJ.createImage("train", "16-bit ramp", 256, 256, 1)
IJ.saveAs(image, "Tiff", os.path.join(folder, "py.tif"))
image = IJ.openImage(os.path.join(folder, "py.tif"))
IJ.run(image, "Gaussian Blur...", "sigma=%s" % sigma)
IJ.setAutoThreshold(image, "Otsu dark")
mask = ImagePlus("mask", image.createThresholdMask())
IJ.setThreshold(mask, 255, 255)
table = ResultsTable()
ParticleAnalyzer(0, Measurements.AREA + Measurements.MEAN, table, smallest, 1e9).analyze(mask)
table.save(os.path.join(folder, "py.csv"))
with open(os.path.join(folder, "rows.csv"), "w") as stream:
    csv.writer(stream).writerow(["count", table.size()])
image.setOverlay(Overlay())
IJ.saveAs(image.flatten(), "PNG", os.path.join(folder, "py.png"))
print("%d objects" % table.size())
