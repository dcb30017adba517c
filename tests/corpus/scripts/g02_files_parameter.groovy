#@ File[] (label="Images", style="files") images
#@ Integer (value=128) lower
import ij.IJ
images.sort().each {
    def imp = IJ.openImage(it.path)
    IJ.setThreshold(imp, lower, 255)
    IJ.run(imp, "Analyze Particles...", "display")
}
IJ.saveAs("Results", "output/files.csv")
