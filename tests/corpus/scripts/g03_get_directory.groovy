import ij.IJ
def source = IJ.getDirectory("Select source")
def target = IJ.getDirectory("Select destination")
def lines = new File(source).list().sort().collect { name ->
    def s = IJ.openImage(source + name).statistics
    String.format(Locale.ROOT, "%s %.2f", name, s.mean)
}
new File(target, "means.txt").text = lines.join("\n") + "\n"
