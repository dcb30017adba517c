import ij.IJ;
import ij.plugin.PlugIn;

/** "Print Lines" prints where plugins print: ImageJ's log, the two streams, the status bar. Nothing fails. */
public class Printing_Plugin implements PlugIn {

	@Override
	public void run(final String argument) {
		IJ.log("a line in the log");
		IJ.showStatus("a line in the status bar");
		System.out.println("a line on standard output");
		System.err.println("a line on standard error");
	}
}
