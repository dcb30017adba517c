import ij.IJ
import ij.measure.ResultsTable
["a", "b", "c"].each { IJ.run(IJ.openImage("input/${it}.tif"), "Find Maxima...", "prominence=40 output=Count") }
ResultsTable.resultsTable.save("output/maxima.csv")
