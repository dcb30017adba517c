package distributedfiji.mend;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.NotFoundException;
import javassist.expr.ExprEditor;
import javassist.expr.MethodCall;

/**
 * Lets no macro end without a word, be it the job's own or one that another script runs. Its error is printed, not shown:
 * ImageJ shows none of a macro in FIJI's menus that is run with options, because it takes them for the answers to the
 * dialog that would. And {@link distributedfiji.MacroWatch} is told what it says with exit("message"), after which the
 * script that has run it goes on (ImageJ 1.54p, Interpreter#showError, Functions#exit).
 */
final class MacroEnds {

	static final Set<String> CLASSES = new HashSet<>(Arrays.asList("ij.macro.Interpreter", "ij.macro.Functions"));
	private static final String PRINT =
		"System.out.println(($2.startsWith(\"There are no images open\") ? \"No Image\" : $1) + \": \" + $2);";

	private MacroEnds() {}

	/** Changes a class, if it is one of the macros' interpreter; returns whether it has. */
	static boolean mend(final CtClass type) throws CannotCompileException, NotFoundException {
		if (!CLASSES.contains(type.getName())) return false;
		for (final CtMethod method : type.getDeclaredMethods()) {
			if (method.getName().equals("showError")) method.setBody("{ " + PRINT + " }");
			else if (method.getName().equals("exit")) method.instrument(new LastWords());
		}
		return true;
	}

	private static final class LastWords extends ExprEditor {

		@Override
		public void edit(final MethodCall call) throws CannotCompileException {
			if (!call.getMethodName().equals("showMessage")) return;
			call.replace("{ distributedfiji.MacroWatch.exits(interp, $2); $proceed($$); }");
		}
	}
}
