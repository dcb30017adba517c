import ij.IJ;
import ij.gui.GenericDialog;
import ij.plugin.PlugIn;

import java.awt.Dialog;
import java.awt.Frame;

/** "Ask Number" asks in ImageJ's dialog, which a macro's options answer; "Ask Always" in one that nothing answers. */
public class Asking_Plugin implements PlugIn {

	@Override
	public void run(final String argument) {
		if ("always".equals(argument)) new Dialog((Frame) null, "A question", true).setVisible(true);
		else ask();
	}

	private static void ask() {
		final GenericDialog dialog = new GenericDialog("A number");
		dialog.addNumericField("number", 7, 0);
		dialog.showDialog();
		if (!dialog.wasCanceled()) IJ.log("the number is " + (int) dialog.getNextNumber());
	}
}
