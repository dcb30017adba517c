import ij.IJ
["a", "b", "c"].each { name ->
    def imp = IJ.openImage("input/${name}.tif")
    IJ.run(imp, "Measure", "")
    IJ.saveAs("Results", "output/${name}.csv")
    IJ.selectWindow("Results")
    IJ.run("Close")
}
