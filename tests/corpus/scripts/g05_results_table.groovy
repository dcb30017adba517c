import ij.IJ
import ij.measure.ResultsTable
def rt = new ResultsTable()
["a", "b", "c"].each {
    def s = IJ.openImage("input/${it}.tif").statistics
    rt.incrementCounter()
    rt.addLabel(it)
    rt.addValue("Min", s.min)
    rt.addValue("Max", s.max)
}
rt.show("Extremes")
rt.save("output/extremes.csv")
