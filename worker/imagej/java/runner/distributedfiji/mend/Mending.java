package distributedfiji.mend;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.regex.Pattern;

import javassist.CannotCompileException;
import javassist.ClassPool;
import javassist.CtClass;
import javassist.CtField;
import javassist.CtMethod;
import javassist.LoaderClassPath;
import javassist.NotFoundException;
import javassist.expr.Expr;
import javassist.expr.ExprEditor;
import javassist.expr.FieldAccess;
import javassist.expr.MethodCall;
import javassist.expr.NewExpr;

/**
 * Changes ImageJ's classes so that its text windows, tables among them, are there without a display. ImageJ keeps what a
 * table shows in its window, and decides by it: headless, Analyzer compares the table with a window that is not there,
 * and deletes the rows before the last. With {@link HeadlessWindow} in the window's place all of ImageJ's own code runs
 * as it does with a display. The changes go by what a class does, not by its version.
 */
public final class Mending {

	private static final String WINDOW = "ij.text.TextWindow";
	/** A field that says what was changed; the runner looks for it. */
	private static final String MARK = "_mendedForHeadlessUse";
	private static final String HERE = Windows.class.getName();
	/**
	 * Methods that do what they do with a display only if ImageJ's main window is there: they open the window of the
	 * results or of the log, clear a table, or stop the script instead of Java.
	 */
	private static final Pattern WITH_MAIN_WINDOW = Pattern.compile(
		"ij\\.IJ#(write|setColumnHeadings|getTextPanel|log|getLog|getImage)" +
			"|ij\\.plugin\\.filter\\.Analyzer#(measure|doSetDialog)|ij\\.macro\\.Functions#overlay");
	/** Classes that show no text window when Java is headless. */
	private static final String ASK_JAVA = "ij\\.measure\\.ResultsTable|ij\\.plugin\\.ImageInfo";
	/** Parts of a window that Java does not make without a display; nothing but people use them. */
	private static final String PARTS = "java\\.awt\\.(Scrollbar|PopupMenu|Menu|MenuItem)";

	private Mending() {}

	/** Whether a class is changed for use with a display, too, by its name in a class file. */
	public static boolean isAlwaysMended(final String name) {
		final String type = name.replace('/', '.');
		return type.equals(Tools.TYPE) || type.equals(Filters.TYPE) || Asking.CLASSES.contains(type) ||
			Fronts.CLASSES.contains(type) || Windowless.CLASSES.contains(type) ||
			MacroEnds.CLASSES.contains(type);
	}

	/**
	 * Returns the changed bytes of a class that knows text windows, asks a person, chooses tools, runs filters, or puts
	 * windows in front; null where there is nothing to change.
	 *
	 * @param headless whether there is no display: with one, text windows stay as they are
	 */
	public static byte[] mend(final ClassLoader loader, final byte[] bytes, final boolean headless)
		throws IOException, CannotCompileException, NotFoundException
	{
		final ClassPool pool = new ClassPool(true);
		pool.appendClassPath(new LoaderClassPath(loader));
		final CtClass type = pool.makeClass(new ByteArrayInputStream(bytes));
		final boolean shows = headless && mendWindows(type);
		final boolean moves = headless ? Windowless.mend(type) : Fronts.mend(type);
		final boolean isChanged = Asking.mend(type, headless) | Tools.mend(type) | Filters.mend(type) | MacroEnds.mend(type) |
			moves | shows;
		return isChanged ? type.toBytecode() : null;
	}

	private static boolean mendWindows(final CtClass type) throws CannotCompileException, NotFoundException {
		// TextWindow itself is left as it is: HeadlessWindow does without its constructors.
		if (type.getName().equals(WINDOW)) return false;
		final Edits edits = new Edits(type.getName());
		type.instrument(edits);
		if (type.getName().equals("ij.IJ")) echoLog(type);
		if (edits.made == 0) return false;
		type.addField(CtField.make("public static final boolean " + MARK + " = true;", type));
		return true;
	}

	/** With a window for it, the log would no longer reach the console. */
	private static void echoLog(final CtClass type) throws CannotCompileException, NotFoundException {
		final CtMethod log = type.getMethod("log", "(Ljava/lang/String;)V");
		log.insertBefore(HERE + ".echo($1);");
	}

	private static final class Edits extends ExprEditor {

		private final String type;
		private int made;

		Edits(final String type) {
			this.type = type;
		}

		@Override
		public void edit(final NewExpr made) throws CannotCompileException {
			if (made.getClassName().equals(WINDOW)) replace(made, "$_ = " + HERE + ".open($$);");
			else if (isPanel() && made.getClassName().matches(PARTS)) replace(made, "$_ = null;");
		}

		@Override
		public void edit(final MethodCall call) throws CannotCompileException {
			final String method = call.getMethodName();
			if (type.matches(ASK_JAVA) && method.equals("isHeadless")) replace(call, "$_ = false;");
			else if (method.equals("getSystemClipboard")) replace(call, "$_ = " + HERE + ".clipboard();");
			else if (method.equals("getInstance") && call.getClassName().equals("ij.IJ") && wantsMainWindow(call)) {
				replace(call, "$_ = " + HERE + ".mainWindow();");
			}
			else if (!isPanel()) return;
			else if (call.getClassName().matches(PARTS)) replace(call, "if ($0 != null) $_ = $proceed($$);");
			else if (takesPart(call)) replace(call, "if ($args[$args.length - 1] != null) $_ = $proceed($$);");
		}

		@Override
		public void edit(final FieldAccess access) throws CannotCompileException {
			final boolean asks = type.equals("ij.IJ") && access.isReader() && access.getFieldName().equals("ij");
			if (asks && wantsMainWindow(access)) replace(access, "$_ = " + HERE + ".mainWindow();");
		}

		private boolean wantsMainWindow(final Expr expression) {
			return WITH_MAIN_WINDOW.matcher(type + "#" + expression.where().getMethodInfo().getName()).matches();
		}

		private boolean isPanel() {
			return type.equals("ij.text.TextPanel");
		}

		/** Calls that hand a part on, to a layout or to a helper. */
		private static boolean takesPart(final MethodCall call) {
			if (call.getClassName().equals("ij.gui.GUI")) return call.getSignature().contains("java/awt/");
			return call.getMethodName().equals("add") && call.getSignature().contains("java/awt/");
		}

		private void replace(final Expr expression, final String code) throws CannotCompileException {
			expression.replace(code);
			made++;
		}
	}
}
