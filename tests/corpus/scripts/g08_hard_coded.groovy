import ij.IJ
def dir = new File("D:\\experiments\\exp1")
dir.eachFileMatch(~/.*\.tif/) { }
dir.list().findAll { it.endsWith(".tif") }.sort().each {
    def imp = IJ.openImage(dir.path + "\\" + it)
    IJ.run(imp, "Measure", "")
}
IJ.saveAs("Results", "D:/experiments/results/exp1.csv")
