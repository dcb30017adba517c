package distributedfiji;

import java.awt.GraphicsEnvironment;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.regex.Pattern;

/** Checks that tables hold the same headless as with a display, before a script runs that uses them. */
final class Tables {

	/** The mark that Mending leaves in the classes that it changed. */
	private static final String MARK = "_mendedForHeadlessUse";
	private static final String[] MENDED = { "ij.IJ", "ij.measure.ResultsTable", "ij.plugin.filter.Analyzer",
		"ij.text.TextPanel" };
	/** Anything that writes to a table or the log, or reads them. */
	private static final Pattern USES = Pattern.compile(
		"Measure|Result|Particles|Summar|Maxima|Table|TextWindow|selectWindow|isOpen|getInfo|getLog|\"Close|close\\(\"");

	private Tables() {}

	/** Returns why a script must not run here, or null. If tables are not mended, rows get lost silently. */
	static Outcome problem(final File script) throws IOException {
		if (!GraphicsEnvironment.isHeadless() || !script.isFile()) return null;
		final String text = new String(Files.readAllBytes(script.toPath()), StandardCharsets.UTF_8);
		if (!USES.matcher(text).find()) return null;
		for (final String name : MENDED) {
			if (ImageJ.has(name) && !ImageJ.hasField(name, MARK)) {
				return Outcome.failed(Outcome.NEEDS_DISPLAY, "The script works with tables or the log, and without a display" +
					" this FIJI would lose rows: " + name + " is not mended", null, null);
			}
		}
		return null;
	}
}
