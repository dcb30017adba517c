package distributedfiji.mend;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.NotFoundException;

/**
 * Lets a script choose a tool, or ask for the chosen one, without a toolbar. There is none without ImageJ's main window,
 * even with a display, and a tool only matters to a person who draws (ImageJ 1.54p, IJ.setTool, IJ.getToolName).
 */
final class Tools {

	static final String TYPE = "ij.IJ";

	private Tools() {}

	/** Changes a class if it is the one that chooses tools; returns whether it did. */
	static boolean mend(final CtClass type) throws CannotCompileException, NotFoundException {
		if (!type.getName().equals(TYPE)) return false;
		for (final CtMethod method : type.getDeclaredMethods("setTool")) {
			final String value = method.getReturnType() == CtClass.booleanType ? " true" : "";
			method.insertBefore("if (ij.gui.Toolbar.getInstance() == null) return" + value + ";");
		}
		for (final CtMethod method : type.getDeclaredMethods("getToolName")) {
			method.insertBefore("if (ij.gui.Toolbar.getInstance() == null) return \"rectangle\";");
		}
		return true;
	}
}
