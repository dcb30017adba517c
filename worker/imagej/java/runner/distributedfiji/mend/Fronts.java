package distributedfiji.mend;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.CtNewMethod;
import javassist.NotFoundException;
import javassist.expr.ExprEditor;
import javassist.expr.MethodCall;

/**
 * With a display, puts a window in front when a script shows it or brings it there, and at no other time. ImageJ makes a
 * window the current one again when Java tells it that it has become active, some time after it was shown (1.54p:
 * ImageWindow, PlugInFrame and PlugInDialog#windowActivated, TextWindow#processWindowEvent). Where nobody clicks and no
 * window manager runs, that news comes late or never, and a script works on another image than it has just shown.
 */
final class Fronts {

	static final Set<String> CLASSES = new HashSet<>(Arrays.asList("ij.WindowManager", "ij.gui.ImageWindow",
		"ij.text.TextWindow", "ij.plugin.frame.PlugInFrame", "ij.plugin.frame.PlugInDialog",
		"ij.plugin.frame.ContrastAdjuster"));
	private static final Set<String> NEWS = new HashSet<>(Arrays.asList("windowActivated", "focusGained",
		"processWindowEvent"));

	private Fronts() {}

	/** Changes a class, if it is one of a window's or the one that manages them; returns whether it has. */
	static boolean mend(final CtClass type) throws CannotCompileException, NotFoundException {
		final String name = type.getName();
		if (!CLASSES.contains(name)) return false;
		for (final CtMethod method : type.getDeclaredMethods()) {
			if (NEWS.contains(method.getName())) method.instrument(new Unmoved());
		}
		if (name.equals("ij.WindowManager")) frontWhenAdded(type);
		else if (name.equals("ij.gui.ImageWindow")) {
			frontWhenBrought(type, "if (!ij.macro.Interpreter.isBatchMode()) ij.WindowManager.setCurrentWindow(this);");
		}
		else if (name.equals("ij.text.TextWindow")) {
			frontWhenBrought(type, "if (!\"Log\".equals(getTitle())) ij.WindowManager.setWindow((java.awt.Frame) this);");
		}
		else if (name.startsWith("ij.plugin.frame.PlugIn")) {
			frontWhenBrought(type, "ij.WindowManager.setWindow((java.awt.Window) this);");
		}
		return true;
	}

	/** Windows of images and of texts come to the front by themselves when they are made, those of tools do not. */
	private static void frontWhenAdded(final CtClass manager) throws CannotCompileException, NotFoundException {
		for (final CtMethod method : manager.getDeclaredMethods("addWindow")) {
			method.insertAfter("if ((Object) $1 instanceof ij.plugin.frame.PlugInFrame ||" +
				" (Object) $1 instanceof ij.plugin.frame.PlugInDialog) setWindow((java.awt.Window) $1);");
		}
	}

	private static void frontWhenBrought(final CtClass window, final String then) throws CannotCompileException {
		window.addMethod(CtNewMethod.make("public void toFront() { super.toFront(); " + then + " }", window));
	}

	/** Leaves the window in front where it is. */
	private static final class Unmoved extends ExprEditor {

		@Override
		public void edit(final MethodCall call) throws CannotCompileException {
			final boolean moves = call.getMethodName().matches("set(Current)?Window");
			if (moves && call.getClassName().equals("ij.WindowManager")) call.replace(";");
		}
	}
}
