#@ String input_dir
#@ String output_dir
import ij.IJ
new File(input_dir).listFiles().sort().each { file ->
    def imp = IJ.openImage(file.absolutePath)
    IJ.run(imp, "Measure", "")
    imp.close()
}
IJ.saveAs("Results", "$output_dir/batch.csv")
