package distributedfiji;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
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

	/**
	 * Does what a command of FIJI's own does that changes no result, where this FIJI lacks it. Returns whether that is so.
	 * FIJI brings "Collect Garbage" (Fiji_Plugins), which frees memory and writes how much; ImageJ core does not.
	 */
	static boolean isDoneHere(final String command) {
		if (command == null || !"Collect Garbage".equals(command.trim())) return false;
		final Object known = ImageJ.call("ij.Menus", "getCommands", null);
		if (known instanceof Map && ((Map<?, ?>) known).containsKey("Collect Garbage")) return false;
		System.gc();
		return true;
	}

	static boolean isHarmless(final String command) {
		return command != null && COMMANDS.contains(command.trim());
	}
}
