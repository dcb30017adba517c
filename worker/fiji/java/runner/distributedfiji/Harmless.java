package distributedfiji;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;

/**
 * Commands whose HeadlessException does no harm: all they do is show a window of tools for a person. The list is of the
 * commands whose classes in ImageJ 1.54p extend ij.plugin.frame.PlugInFrame or PlugInDialog, or only arrange or zoom
 * windows (IJ_Props.txt names the classes), and that threw when each was run headless.
 */
final class Harmless {

	private static final Set<String> COMMANDS = Collections.unmodifiableSet(new HashSet<>(Arrays.asList(
		"Brightness/Contrast...", "Window/Level...", "Color Balance...", "Threshold...", "Color Threshold...",
		"Channels Tool...", "Color Picker...", "Fonts...", "Line Width...", "Paste Control...", "Synchronize Windows",
		"Sync Windows", "Recorder...", "Record...", "Console", "Capture Screen", "Monitor Memory...", "Monitor Events...",
		"Control Panel...", "Find Commands...", "Search...", "Startup Tool", "Tile", "Cascade", "Show All", "Main Window [enter]",
		"Put Behind [tab]", "Original Scale", "View 100%", "To Selection", "In [+]", "Out [-]", "Scale to Fit", "Set... ")));

	private Harmless() {}

	static boolean isHarmless(final String command, final String trace) {
		return command != null && COMMANDS.contains(command) && trace.startsWith("java.awt.HeadlessException");
	}
}
