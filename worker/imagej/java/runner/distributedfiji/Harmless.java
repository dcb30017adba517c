package distributedfiji;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;

/**
 * Commands whose exceptions do no harm: all they do is show a window of tools for a person. Each was run headless in
 * ImageJ 1.54p, and threw a HeadlessException, or a NullPointerException for want of ImageJ's main window; their classes
 * extend ij.plugin.frame.PlugInFrame or PlugInDialog, or belong to ImageJ's menus (IJ_Props.txt names them).
 */
final class Harmless {

	private static final Set<String> COMMANDS = Collections.unmodifiableSet(new HashSet<>(Arrays.asList(
		"Brightness/Contrast...", "Window/Level...", "Color Balance...", "Threshold...", "Color Threshold...",
		"Channels Tool...", "Color Picker...", "Paste Control...", "Synchronize Windows", "Record...",
		"Monitor Memory...", "Control Panel...", "Find Commands...", "Show All", "About ImageJ...")));

	private Harmless() {}

	static boolean isHarmless(final String command) {
		return command != null && COMMANDS.contains(command.trim());
	}
}
