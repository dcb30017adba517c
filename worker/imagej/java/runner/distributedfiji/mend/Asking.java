package distributedfiji.mend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtConstructor;
import javassist.CtField;
import javassist.CtMethod;
import javassist.CtNewMethod;
import javassist.Modifier;
import javassist.NotFoundException;

/**
 * Changes the classes that ImageJ uses to ask a person, so that the job answers: with and without a display, in all
 * languages, since all of them end up here. getNumber, getString, Dialog.*, IJ.getNumber, IJ.getString and
 * showMessageWithCancel all make a GenericDialog; getBoolean a YesNoCancelDialog; getDirectory, IJ.getDirectory a
 * DirectoryChooser; File.openDialog and IJ.getFilePath an OpenDialog (ImageJ 1.54p). Without a display, FIJI's patches
 * have put HeadlessGenericDialog over GenericDialog and renamed its methods: then the inherited ones are overridden
 * here (ij1-patcher 2.0.0, LegacyHeadless).
 */
final class Asking {

	private static final String DIALOG = "ij.gui.GenericDialog";
	/** Its constructor refuses if a command has no options. */
	private static final String HEADLESS_DIALOG = "net.imagej.patcher.HeadlessGenericDialog";
	private static final String ASK = "distributedfiji.questions.Ask";
	private static final String READER = Options.class.getName();
	private static final String FORM = "((distributedfiji.questions.Form) _form)";
	static final Set<String> CLASSES = new HashSet<>(Arrays.asList(DIALOG, HEADLESS_DIALOG,
		"ij.gui.NonBlockingGenericDialog", "ij.gui.YesNoCancelDialog", "ij.gui.WaitForUserDialog",
		"ij.io.DirectoryChooser", "ij.io.OpenDialog", "ij.io.SaveDialog", "ij.io.Opener",
		"net.imagej.legacy.DefaultLegacyHooks"));

	/** What to call on the form when a field is added, by ImageJ's method. */
	private static final Map<String, String> ADDED = new HashMap<>();
	/** What to read from the form, by ImageJ's method. */
	private static final Map<String, String> READ = new HashMap<>();

	/** What {@link Options} do in place of the stand-in for a dialog, by its method and that method's arguments. */
	private static final Map<String, String> OPTIONS = new HashMap<>();

	static {
		final String text = "Ljava/lang/String;";
		options("addNumericField(" + text + "D)", "number($1, $2)");
		options("addNumericField(" + text + "DI)", "number($1, $2, $3)");
		options("addNumericField(" + text + "DII" + text + ")", "number($1, $2, $3)");
		options("addSlider(" + text + "DDD)", "slider($1, $2, $3, $4)");
		options("addSlider(" + text + "DDDD)", "slider($1, $2, $3, $4, $5)");
		for (final String columns : new String[] { ")", "I)" }) {
			options("addStringField(" + text + text + columns, "text($1, $2)");
			options("addDirectoryField(" + text + text + columns, "folder($1, $2)");
			options("addFileField(" + text + text + columns, "file($1, $2)");
		}
		options("addCheckbox(" + text + "Z)", "checkbox($1)");
		options("addCheckboxGroup(II[" + text + "[Z)", "checkboxes($1, $2, $3)");
		options("addCheckboxGroup(II[" + text + "[Z[" + text + ")", "checkboxes($1, $2, $3)");
		options("addPreviewCheckbox(Lij/plugin/filter/PlugInFilterRunner;)", "preview()");
		options("addPreviewCheckbox(Lij/plugin/filter/PlugInFilterRunner;" + text + ")", "preview()");
		options("addChoice(" + text + "[" + text + text + ")", "choice($1, $2, $3)");
		options("addImageChoice(" + text + text + ")", "images($1, $2)");
		options("addRadioButtonGroup(" + text + "[" + text + "II" + text + ")", "radio($1, $2, $5)");
		options("addTextAreas(" + text + text + "II)", "areas($1, $2)");
		options("addMessage(" + text + ")", "message($1)");
		options("addMessage(" + text + "Ljava/awt/Font;)", "message($1)");
		options("addMessage(" + text + "Ljava/awt/Font;Ljava/awt/Color;)", "message($1)");
		options("resetCounters()", "reset()");
		options("getNextNumber()", "nextNumber()");
		options("invalidNumber()", "invalidNumber()");
		options("getErrorMessage()", "errorMessage()");
		options("getNextString()", "nextText()");
		options("getNextBoolean()", "nextBoolean()");
		options("getNextChoice()", "nextChoice()");
		options("getNextChoiceIndex()", "nextChoiceIndex()");
		options("getNextImage()", "nextImage()");
		options("getNextRadioButton()", "nextRadio()");
		options("getNextText()", "nextArea()");
		options("getMessage()", "message()");
		options("getTextArea1()", "area(0)");
		options("getTextArea2()", "area(1)");
		ADDED.put("addNumericField", "number($1, $2)");
		ADDED.put("addSlider", "slider($1, $2, $3, $4)");
		ADDED.put("addStringField", "text($1, $2)");
		ADDED.put("addDirectoryField", "folder($1, $2)");
		ADDED.put("addFileField", "file($1, $2)");
		ADDED.put("addCheckbox", "checkbox($1, $2)");
		ADDED.put("addPreviewCheckbox", "preview()");
		ADDED.put("addCheckboxGroup", "checkboxes($3, $4)");
		ADDED.put("addRadioButtonGroup", "radio($1, $2, $5)");
		ADDED.put("addChoice", "choice($1, $2, $3)");
		ADDED.put("addImageChoice", "images($1, $2)");
		ADDED.put("addTextAreas", "areas($1, $2)");
		ADDED.put("addMessage", "message($1)");
		ADDED.put("hideCancelButton", "noCancel()");
		ADDED.put("addDialogListener", "listener($1)");
		READ.put("getNextNumber", "nextNumber()");
		READ.put("getNextString", "nextText()");
		READ.put("getNextBoolean", "nextBoolean()");
		READ.put("getNextChoice", "nextChoice()");
		READ.put("getNextChoiceIndex", "nextChoiceIndex()");
		READ.put("getNextImage", "nextImage()");
		READ.put("getNextRadioButton", "nextRadio()");
		READ.put("getNextText", "nextArea()");
		READ.put("wasCanceled", "isCanceledAndAborts()");
		READ.put("wasOKed", "isOk()");
	}

	private final CtClass type;

	private Asking(final CtClass type) {
		this.type = type;
	}

	/**
	 * Lets ImageJ itself open a file for run("Open..."). FIJI asks for the file in a dialog of its own, which reads no
	 * options; without a display nothing is opened, and no word said (imagej-legacy 2.0.3, DefaultLegacyOpener#open).
	 */
	private void legacyHooks() throws CannotCompileException, NotFoundException {
		for (final CtMethod method : type.getDeclaredMethods("interceptFileOpen")) {
			method.insertBefore("if ($1 == null) return null;");
		}
	}

	/** It takes an image's title from the path as given, not from where that leads (ImageJ 1.54p). */
	private void opener() throws CannotCompileException {
		for (final CtMethod method : type.getDeclaredMethods()) {
			if (method.getName().matches("open|openImage|openUsingBioFormats") && method.getSignature().startsWith("(Ljava/lang/String;)")) {
				method.insertBefore("$1 = distributedfiji.Paths.plain($1);");
			}
		}
	}

	private static void options(final String method, final String call) {
		OPTIONS.put(method, call);
	}

	/** Changes a class if it is one of {@link #CLASSES}; returns whether it did. */
	static boolean mend(final CtClass type, final boolean headless) throws CannotCompileException, NotFoundException {
		if (!CLASSES.contains(type.getName())) return false;
		final Asking asking = new Asking(type);
		switch (type.getSimpleName()) {
			case "GenericDialog": asking.dialog(); break;
			case "HeadlessGenericDialog": asking.headlessDialog(); break;
			case "NonBlockingGenericDialog": asking.nonBlocking(headless); break;
			case "YesNoCancelDialog": asking.yesNoCancel(); break;
			case "WaitForUserDialog": asking.waitForUser(); break;
			case "DirectoryChooser": asking.directoryChooser(); break;
			case "OpenDialog": asking.openDialog(); break;
			case "Opener": asking.opener(); break;
			case "DefaultLegacyHooks": asking.legacyHooks(); break;
			default: asking.saveDialog();
		}
		return true;
	}

	private void dialog() throws CannotCompileException, NotFoundException {
		final boolean hasWindow = !type.getSuperclass().getName().equals(HEADLESS_DIALOG);
		type.addField(CtField.make("public Object _form;", type));
		for (final CtConstructor made : type.getConstructors()) {
			if (!made.callsSuper()) continue;
			// The one with a parent window makes buttons, which Java refuses without a display.
			if (!hasWindow && made.getParameterTypes().length == 2) {
				made.setBody("{ super(); macroOptions = ij.Macro.getOptions(); macro = macroOptions != null; }");
			}
			made.insertBeforeBody("_form = distributedfiji.questions.Form.of($1);" + (hasWindow ? "" : READER + ".title($0, $1);"));
		}
		for (final Map.Entry<String, String> hook : ADDED.entrySet()) {
			for (final CtMethod method : methods(hook.getKey())) added(method, hook.getValue(), hasWindow);
		}
		for (final CtMethod method : methods("enableYesNoCancel")) {
			final boolean isPlain = method.getParameterTypes().length == 0;
			added(method, isPlain ? "yesNo(\"Yes\", \"No\")" : "yesNo($1, $2)", hasWindow);
		}
		for (final CtMethod method : hasWindow ? new CtMethod[0] : type.getDeclaredMethods("addToSameRow")) {
			method.insertBefore(READER + ".sameRow($0);");
		}
		for (final Map.Entry<String, String> hook : READ.entrySet()) {
			for (final CtMethod method : methods(hook.getKey())) {
				method.insertBefore("if (_form != null) return " + FORM + "." + hook.getValue() + ";");
			}
		}
		for (final CtMethod method : methods("resetCounters")) {
			method.insertBefore("if (_form != null) " + FORM + ".reset();");
		}
		final String fill = !hasWindow ? "" : FORM + ".fill(numberField, stringField, checkbox, choice, radioButtonGroups," +
			" new java.awt.TextArea[] { textArea1, textArea2 });";
		for (final CtMethod method : methods("showDialog")) {
			method.insertBefore("if (_form != null) { " + FORM + ".answer(); " + fill + FORM + ".heed($0); return; }");
		}
	}

	/** With a window, ImageJ's fields are also made: a script may ask for them. */
	private static void added(final CtMethod method, final String told, final boolean hasWindow)
		throws CannotCompileException
	{
		if (!hasWindow) {
			method.insertBefore("if (_form != null) { " + FORM + "." + told + "; return; }");
			return;
		}
		method.insertBefore("if (_form != null) { " + FORM + "." + told + "; " + FORM + ".enter(); }");
		method.insertAfter("if (_form != null) " + FORM + ".leave();", true);
	}

	/** The public methods with a name; inherited ones become this class's own. */
	private List<CtMethod> methods(final String name) throws CannotCompileException, NotFoundException {
		final List<CtMethod> own = new ArrayList<>();
		for (final CtMethod method : type.getDeclaredMethods(name)) {
			if (Modifier.isPublic(method.getModifiers())) own.add(method);
		}
		if (!own.isEmpty() || !type.getSuperclass().getName().equals(HEADLESS_DIALOG)) return own;
		for (final CtMethod inherited : type.getSuperclass().getDeclaredMethods(name)) {
			if (!Modifier.isPublic(inherited.getModifiers())) continue;
			final CtMethod method = CtNewMethod.delegator(inherited, type);
			type.addMethod(method);
			own.add(method);
		}
		return own;
	}

	/** It cannot be made if a command has no options; the form needs none. It leaves options to {@link Options}. */
	private void headlessDialog() throws CannotCompileException, NotFoundException {
		for (final CtConstructor made : type.getConstructors()) {
			made.instrument(new javassist.expr.ExprEditor() {

				@Override
				public void edit(final javassist.expr.MethodCall call) throws CannotCompileException {
					if (call.getMethodName().equals("getOptions")) call.replace("$_ = \"\";");
				}
			});
		}
		type.addField(CtField.make("public final " + READER + " _options = new " + READER + "();", type));
		for (final CtMethod method : type.getDeclaredMethods()) {
			final String call = OPTIONS.get(method.getName() + method.getSignature().replaceFirst("\\).*", ")"));
			if (call != null) method.setBody("return ($r) _options." + call + ";");
		}
		for (final CtMethod method : type.getDeclaredMethods("showDialog")) {
			method.insertBefore("if (_options.wasShown()) listener = null;");
		}
	}

	/** Without a display it is not a Java window, and must not be passed to code that wants one: Java would not load it. */
	private void nonBlocking(final boolean headless) throws CannotCompileException, NotFoundException {
		for (final CtMethod method : type.getDeclaredMethods("showDialog")) {
			if (headless) method.setBody("{ super.showDialog(); }");
			else method.insertBefore("if (distributedfiji.questions.Form.isAsking($0)) { super.showDialog(); return; }");
		}
		if (!headless) return;
		for (final CtMethod method : type.getDeclaredMethods("dispose")) method.setBody("{ super.dispose(); }");
		for (final CtMethod method : type.getDeclaredMethods("windowActivated")) method.setBody("{}");
	}

	private void yesNoCancel() throws CannotCompileException, NotFoundException {
		withoutWindow();
		for (final CtConstructor made : type.getConstructors()) {
			if (!made.callsSuper()) continue;
			final String buttons = made.getParameterTypes().length == 5 ? "$4, $5" : "\"Yes\", \"No\"";
			made.setBody("{ super($2, $3); int answer = " + ASK + ".yesNoCancel($2, $3, " + buttons + ");" +
				" yesPressed = answer == " + ASK + ".YES; cancelPressed = answer == " + ASK + ".CANCEL; }");
		}
	}

	private void waitForUser() throws CannotCompileException, NotFoundException {
		withoutWindow();
		for (final CtConstructor made : type.getConstructors()) {
			if (made.callsSuper()) made.setBody("{ super($1, $2); }");
		}
		for (final CtMethod method : type.getDeclaredMethods("show")) method.setBody("{ " + ASK + ".pause(getTitle(), text()); }");
	}

	/** Removes Java's Dialog, which cannot be made without a display, as the class's parent. */
	private void withoutWindow() throws CannotCompileException, NotFoundException {
		type.setSuperclass(type.getClassPool().get(NoDialog.class.getName()));
		for (final CtMethod method : type.getDeclaredMethods("paint")) type.removeMethod(method);
	}

	private void directoryChooser() throws CannotCompileException, NotFoundException {
		for (final CtMethod method : type.getDeclaredMethods()) {
			if (!method.getName().startsWith("getDirectoryUsing")) continue;
			method.setBody("{ directory = " + ASK + ".folder($1);" +
				" if (directory != null) ij.io.OpenDialog.setDefaultDirectory(directory); }");
		}
	}

	private void openDialog() throws CannotCompileException, NotFoundException {
		for (final String name : new String[] { "jOpen", "open" }) {
			for (final CtMethod method : type.getDeclaredMethods(name)) {
				method.setBody("{ String path = " + ASK + ".file($1, $3);" +
					" if (path == null) ij.Macro.abort(); else decodePath(path); }");
			}
		}
	}

	private void saveDialog() throws CannotCompileException, NotFoundException {
		for (final String name : new String[] { "jSave", "save" }) {
			for (final CtMethod method : type.getDeclaredMethods(name)) {
				method.setBody("{ String path = " + ASK + ".save($1, $3);" +
					" if (path == null) { ij.Macro.abort(); return; }" +
					" java.io.File file = new java.io.File(path);" +
					" dir = file.getParent() + java.io.File.separator; name = file.getName();" +
					" if (name.indexOf('.') < 0) name = setExtension(name, ext); }");
			}
		}
	}
}
