package distributedfiji.questions;

import java.awt.AWTEvent;
import java.awt.TextArea;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Vector;

import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.gui.DialogListener;
import ij.gui.GenericDialog;

/**
 * The content of one of ImageJ's dialogs that a script shows. ImageJ's class reports each field that is added, asks the
 * form for the answers when the dialog would be shown, and for the values afterwards. With and without a display.
 */
public final class Form {

	private static final String SCROLLBARS = "SCROLLBARS_(BOTH|VERTICAL_ONLY)$";

	private final String title;
	private final List<Field> fields = new ArrayList<>();
	private final Map<Field.Type, Integer> read = new HashMap<>();
	private final List<String> messages = new ArrayList<>();
	private final List<ImagePlus> images = new ArrayList<>();
	private DialogListener listener;
	private List<String> buttons;
	private boolean hasCancel = true;
	private Question agreement;
	private int depth;

	private Form(final String title) {
		this.title = title == null ? "" : title;
	}

	/**
	 * Returns the form of a new dialog, or null for one that ImageJ should run itself: a command that has its options, and
	 * the window in which the macro interpreter shows an error.
	 */
	public static Form of(final String title) {
		final boolean isError = "Macro Error".equals(title) || "No Image".equals(title);
		return !Questions.isActive() || Macro.getOptions() != null || isError ? null : new Form(title);
	}

	/** Whether a dialog has a form. */
	public static boolean isAsking(final Object dialog) {
		try {
			return dialog.getClass().getField("_form").get(dialog) != null;
		}
		catch (final ReflectiveOperationException notMended) {
			return false;
		}
	}

	/** ImageJ adds some fields by adding others: only the outermost counts. */
	public void enter() {
		depth++;
	}

	public void leave() {
		depth--;
	}

	private void add(final Field.Type type, final String kind, final String label, final Object standard,
		final List<String> choices)
	{
		if (depth == 0) fields.add(new Field(type, new Question(kind, title, clean(label), standard, choices), true));
	}

	/** As ImageJ shows it. */
	private static String clean(final String label) {
		return label == null ? "" : label.replace('_', ' ').trim();
	}

	public void number(final String label, final double standard) {
		final boolean isNumber = !Double.isNaN(standard) && !Double.isInfinite(standard);
		add(Field.Type.NUMBER, Question.NUMBER, label, isNumber ? (Object) standard : null, null);
	}

	public void slider(final String label, final double least, final double most, final double standard) {
		number(label, Math.min(Math.max(standard, least), most));
	}

	public void text(final String label, final String standard) {
		add(Field.Type.TEXT, kindOfText(), label, standard == null ? "" : standard, null);
	}

	/** FIJI's GenericDialogPlus builds its file and folder fields from ImageJ's text fields. */
	private static String kindOfText() {
		final StackTraceElement[] stack = new Throwable().getStackTrace();
		for (int at = 2; at < Math.min(stack.length, 7); at++) {
			if (!stack[at].getClassName().endsWith("GenericDialogPlus")) continue;
			if (stack[at].getMethodName().equals("addDirectoryField")) return Question.FOLDER;
			if (stack[at].getMethodName().equals("addFileField")) return Question.FILE;
		}
		return Question.TEXT;
	}

	public void folder(final String label, final String standard) {
		add(Field.Type.TEXT, Question.FOLDER, label, standard == null ? "" : standard, null);
	}

	public void file(final String label, final String standard) {
		add(Field.Type.TEXT, Question.FILE, label, standard == null ? "" : standard, null);
	}

	public void checkbox(final String label, final boolean standard) {
		add(Field.Type.CHECKBOX, Question.BOOLEAN, label, standard, null);
	}

	public void checkboxes(final String[] labels, final boolean[] standards) {
		for (int i = 0; i < labels.length; i++) {
			if (labels[i] != null && !labels[i].isEmpty()) checkbox(labels[i], standards[i]);
		}
	}

	/** The preview box, which is off: nobody sees a preview. */
	public void preview() {
		final Question shown = new Question(Question.BOOLEAN, title, "Preview", false, null);
		if (depth == 0) fields.add(new Field(Field.Type.CHECKBOX, shown, false));
	}

	public void choice(final String label, final String[] items, final String standard) {
		final List<String> choices = Arrays.asList(items.clone());
		final Object shown = choices.contains(standard) ? standard : choices.isEmpty() ? null : choices.get(0);
		add(Field.Type.CHOICE, Question.CHOICE, label, shown, choices);
	}

	/** A choice of the open images. */
	public void images(final String label, final String standard) {
		if (depth > 0) return;
		final List<String> titles = new ArrayList<>();
		images.clear();
		final int[] ids = WindowManager.getIDList();
		for (int i = 0; ids != null && i < ids.length; i++) {
			images.add(WindowManager.getImage(ids[i]));
			titles.add(images.get(i).getTitle());
		}
		choice(label, titles.toArray(new String[0]), standard);
	}

	public void radio(final String label, final String[] items, final String standard) {
		final List<String> choices = Arrays.asList(items.clone());
		add(Field.Type.RADIO, Question.CHOICE, label, choices.contains(standard) ? standard : null, choices);
	}

	public void areas(final String first, final String second) {
		area("text1", first);
		if (second != null) area("text2", second);
	}

	private void area(final String label, final String text) {
		final String shown = text == null ? "" : text.replaceFirst(SCROLLBARS, "");
		add(Field.Type.AREA, Question.TEXT, label, shown, null);
	}

	public void message(final String text) {
		if (depth == 0 && text != null && !text.trim().isEmpty()) messages.add(text.trim());
	}

	public void yesNo(final String yes, final String no) {
		if (depth == 0) buttons = Arrays.asList(yes.trim(), no.trim(), "Cancel");
	}

	public void noCancel() {
		hasCancel = false;
	}

	public void listener(final DialogListener first) {
		if (listener == null) listener = first;
	}

	/** Answers everything that the dialog asks, or ends the run. */
	public void answer() {
		for (final String text : messages) System.out.println(text);
		final List<Question> questions = new ArrayList<>();
		for (final Field field : fields) if (field.isAsked) questions.add(field.question);
		if (buttons != null || questions.isEmpty() && hasCancel) questions.add(agreement());
		// A dialog may be shown again; then it asks again.
		for (final Question question : questions) question.answer(null, null, null);
		Questions.askAll(questions);
	}

	/** Lets the dialog's listener read the answers, as ImageJ does when a person has pressed OK. */
	public void heed(final GenericDialog dialog) {
		reset();
		if (listener != null && !isCanceled()) listener.dialogItemChanged(dialog, (AWTEvent) null);
		reset();
	}

	/** The question that the buttons ask. */
	private Question agreement() {
		final String text = String.join(" ", messages).replaceAll("\\s+", " ");
		final List<String> choices = buttons == null ? Arrays.asList("OK", "Cancel") : buttons;
		agreement = new Question(Question.CONFIRM, title, text, true, choices);
		return agreement;
	}

	/** Shows the answers in the dialog's own fields, which a script may read; any of them may be null. */
	public void fill(final Vector<?> numbers, final Vector<?> texts, final Vector<?> boxes, final Vector<?> choices,
		final Vector<?> radios, final TextArea[] areas)
	{
		final Widgets widgets = new Widgets(numbers, texts, boxes, choices, radios, areas);
		for (final Field field : fields) widgets.show(field);
	}

	public boolean isCanceled() {
		if (agreement == null || isOk()) return false;
		// The second of OK and Cancel; the third of Yes, No and Cancel.
		return buttons == null || !Boolean.FALSE.equals(agreement.answer);
	}

	/** What ImageJ does when a person has pressed Cancel. */
	public boolean isCanceledAndAborts() {
		if (isCanceled() && !Thread.currentThread().getName().endsWith("Script_Macro$")) Macro.abort();
		return isCanceled();
	}

	public boolean isOk() {
		return agreement == null || Boolean.TRUE.equals(agreement.answer);
	}

	public void reset() {
		read.clear();
	}

	/** The next field of a kind, or null if the dialog has no more. */
	private Field next(final Field.Type type) {
		final int wanted = read.merge(type, 1, Integer::sum);
		int at = 0;
		for (final Field field : fields) if (field.type == type && ++at == wanted) return field;
		if (at > 0) throw new ArrayIndexOutOfBoundsException("The dialog has no more than " + at + " fields of this kind");
		return null;
	}

	public double nextNumber() {
		final Field field = next(Field.Type.NUMBER);
		if (field == null) return -1;
		return field.value() == null ? Double.NaN : ((Number) field.value()).doubleValue();
	}

	public String nextText() {
		final Field field = next(Field.Type.TEXT);
		return field == null ? "" : (String) field.value();
	}

	public boolean nextBoolean() {
		final Field field = next(Field.Type.CHECKBOX);
		return field != null && (Boolean) field.value();
	}

	public String nextChoice() {
		final Field field = next(Field.Type.CHOICE);
		return field == null ? "" : (String) field.value();
	}

	public int nextChoiceIndex() {
		final Field field = next(Field.Type.CHOICE);
		return field == null ? -1 : field.question.choices.indexOf(field.value());
	}

	public ImagePlus nextImage() {
		final int index = nextChoiceIndex();
		return index < 0 || index >= images.size() ? null : images.get(index);
	}

	public String nextRadio() {
		final Field field = next(Field.Type.RADIO);
		return field == null ? null : String.valueOf(field.value());
	}

	public String nextArea() {
		final Field field = next(Field.Type.AREA);
		return field == null ? null : (String) field.value();
	}
}
