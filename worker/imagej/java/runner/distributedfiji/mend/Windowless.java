package distributedfiji.mend;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.NotFoundException;
import javassist.expr.ExprEditor;
import javassist.expr.MethodCall;

/**
 * Without a display, lets images come to the front, stay and go as they do in windows. ImageJ keeps them as images of
 * batch mode then, which never ends: batch mode of a script's own takes away the images from before, an image that is
 * shown twice is there twice, and a command that is run on an image behind leaves the one in front there, whatever it
 * shows. {@link Shown} does what windows would have done (ImageJ 1.54p; ij1-patcher 2.0.0, LegacyHeadless).
 */
final class Windowless {

	static final Set<String> CLASSES = new HashSet<>(Arrays.asList("ij.IJ", "ij.ImagePlus", "ij.WindowManager",
		"ij.macro.Functions", "ij.macro.Interpreter", "ij.plugin.HyperStackConverter"));
	private static final String HERE = Shown.class.getName();
	private static final Pattern COMMANDS = Pattern.compile("run|runPlugIn");
	private static final Pattern ENDS = Pattern.compile("finishUp|error|abortMacro");
	private static final Pattern REPLACES = Pattern.compile("setStack|setProcessor");

	private Windowless() {}

	/** Changes a class, if it is one that shows images or knows batch mode; returns whether it has. */
	static boolean mend(final CtClass type) throws CannotCompileException, NotFoundException {
		switch (type.getName()) {
			case "ij.IJ":
				keepInFront(type);
				return true;
			case "ij.ImagePlus":
				showOnce(type);
				return true;
			case "ij.WindowManager":
				for (final CtMethod method : type.getDeclaredMethods("putBehind")) {
					method.setBody("{ " + HERE + ".putBehind(); }");
				}
				for (final CtMethod method : type.getDeclaredMethods("isDuplicateName")) {
					method.insertBefore("if (" + HERE + ".isTitle($1)) return true;");
				}
				for (final CtMethod method : type.getDeclaredMethods("closeAllWindows")) {
					method.insertBefore(HERE + ".closeAll();");
				}
				return true;
			case "ij.macro.Functions":
				for (final CtMethod method : type.getDeclaredMethods("setBatchMode")) method.instrument(new OwnBatchMode());
				return true;
			case "ij.macro.Interpreter":
				keepAtEnd(type);
				return true;
			case "ij.plugin.HyperStackConverter":
				for (final CtMethod method : type.getDeclaredMethods()) {
					if (method.getName().startsWith("convert")) method.instrument(new OpenedAgain());
				}
				return true;
			default:
				return false;
		}
	}

	/** Keeps in front what a command has shown, or opened again, that was run on an image. */
	private static void keepInFront(final CtClass type) throws CannotCompileException, NotFoundException {
		for (final CtMethod method : type.getDeclaredMethods()) {
			final CtClass[] taken = method.getParameterTypes();
			if (!COMMANDS.matcher(method.getName()).matches() || taken.length != 3) continue;
			if (!taken[0].getName().equals("ij.ImagePlus")) continue;
			method.addLocalVariable("_last", type.getClassPool().get("ij.ImagePlus"));
			method.insertBefore("_last = " + HERE + ".last();");
			method.insertAfter(HERE + ".bringToFront(_last);");
		}
	}

	/** Keeps images that would have windows where the end of a macro ends batch mode, and all that is in it. */
	private static void keepAtEnd(final CtClass type) throws CannotCompileException, NotFoundException {
		for (final CtMethod method : type.getDeclaredMethods()) {
			if (!ENDS.matcher(method.getName()).matches()) continue;
			method.addLocalVariable("_kept", type.getClassPool().get("java.lang.Object"));
			method.insertBefore("_kept = " + HERE + ".kept();");
			method.insertAfter(HERE + ".restore(_kept);");
		}
	}

	private static void showOnce(final CtClass image) throws CannotCompileException, NotFoundException {
		final CtMethod show = image.getMethod("show", "(Ljava/lang/String;)V");
		show.insertBefore("if (" + HERE + ".isThere(this)) return; " + HERE + ".checkTitle(this);");
		show.insertAfter(HERE + ".hasWindow(this);");
		for (final CtMethod method : image.getDeclaredMethods()) {
			final CtClass[] taken = method.getParameterTypes();
			final boolean replaces = REPLACES.matcher(method.getName()).matches() && taken.length == 2 &&
				taken[0].getName().equals("java.lang.String");
			if (!replaces) continue;
			method.addLocalVariable("_wasStack", CtClass.booleanType);
			method.insertBefore("_wasStack = getStackSize() > 1;");
			method.insertAfter("if (_wasStack != getStackSize() > 1) " + HERE + ".openedAgain(this);");
		}
	}

	/** Batch mode is what the script has asked for, not that there are no windows. */
	private static final class OwnBatchMode extends ExprEditor {

		@Override
		public void edit(final MethodCall call) throws CannotCompileException {
			final String method = call.getMethodName();
			if (method.equals("isBatchMode")) call.replace("$_ = " + HERE + ".isBatchMode();");
			else if (method.equals("setBatchMode")) call.replace(HERE + ".setBatchMode($1);");
			else if (method.equals("addBatchModeImage")) call.replace(";");
			else if (method.equals("selectWindow")) call.replace("{ " + HERE + ".hide($1); $proceed($$); }");
		}
	}

	/** The commands that make a hyperstack, and a stack again, give it another window. */
	private static final class OpenedAgain extends ExprEditor {

		@Override
		public void edit(final MethodCall call) throws CannotCompileException {
			if (!call.getMethodName().equals("setOpenAsHyperStack")) return;
			call.replace("{ $proceed($$); " + HERE + ".openedAgain($0); }");
		}
	}
}
