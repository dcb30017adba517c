package distributedfiji.mend;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.NotFoundException;

/**
 * Lets a script choose a tool, or ask for the one chosen, where there is no toolbar: without ImageJ's main window there
 * is none, with a display neither, and a tool only matters to who draws (ImageJ 1.54p, IJ.setTool, IJ.getToolName).
 */
final class Tools {

	static final String TYPE = "ij.IJ";

	private Tools() {}

	/** Changes a class, if it is the one that chooses tools; returns whether it has. */
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
