package distributedfiji;

import java.util.HashMap;
import java.util.Map;

import distributedfiji.mend.Windows;

/**
 * Commands whose exceptions do no harm: they only show a window of tools for a person. Each was run headless in ImageJ
 * 1.54p, and threw a HeadlessException, or a NullPointerException for lack of ImageJ's main window. Their classes extend
 * ij.plugin.frame.PlugInFrame or PlugInDialog, or belong to ImageJ's menus (IJ_Props.txt names them).
 */
final class Harmless {

	/** Each with the title of its window, by which scripts close it; without one if they hardly ever do. */
	private static final Map<String, String> COMMANDS = new HashMap<>();

	static {
		COMMANDS.put("Brightness/Contrast...", "B&C");
		COMMANDS.put("Window/Level...", "W&L");
		COMMANDS.put("Color Balance...", "Color");
		COMMANDS.put("Threshold...", "Threshold");
		COMMANDS.put("Color Threshold...", "Threshold Color");
		COMMANDS.put("Channels Tool...", "Channels");
		COMMANDS.put("Color Picker...", "CP");
		COMMANDS.put("Record...", "Recorder");
		COMMANDS.put("Monitor Memory...", "Memory");
		for (final String other : new String[] { "Paste Control...", "Synchronize Windows", "Control Panel...",
			"Find Commands...", "Show All", "About ImageJ..." }) COMMANDS.put(other, null);
	}

	private Harmless() {}

	/**
	 * Does the work of a FIJI command that changes no result, if this FIJI lacks it. Returns whether that is so.
	 * FIJI has "Collect Garbage" (Fiji_Plugins), which frees memory and writes how much; ImageJ core does not.
	 */
	static boolean isDoneHere(final String command) {
		if (command == null || !"Collect Garbage".equals(command.trim())) return false;
		final Object known = ImageJ.call("ij.Menus", "getCommands", null);
		if (known instanceof Map && ((Map<?, ?>) known).containsKey("Collect Garbage")) return false;
		System.gc();
		return true;
	}

	static boolean isHarmless(final String command) {
		return command != null && COMMANDS.containsKey(command.trim());
	}

	/** Opens a stand-in for the window of tools that a command could not open: scripts select and close it. */
	static void standInFor(final String command) {
		final String title = COMMANDS.get(command.trim());
		if (title != null) Windows.openTools(title);
	}
}
