import ij.Macro;
import ij.plugin.PlugIn;

/** "Exit Java" ends the JVM with exit code 3, or that of its option `code`. */
public class Exiting_Plugin implements PlugIn {

	@Override
	public void run(final String argument) {
		System.exit(Integer.parseInt(Macro.getValue(String.valueOf(Macro.getOptions()), "code", "3")));
	}
}
