import ij.IJ
IJ.log("name,n")
["a", "b", "c"].each {
    def imp = IJ.openImage("input/${it}.tif")
    IJ.setThreshold(imp, 128, 255)
    IJ.run(imp, "Analyze Particles...", "size=0-Infinity display clear")
    IJ.log("$it,${ij.measure.ResultsTable.resultsTable.size()}")
}
new File("output/log.txt").text = IJ.getLog()
