package distributedfiji.mend;

import java.awt.Component;
import java.awt.Label;
import java.awt.TextArea;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.gui.MultiLineLabel;
import ij.macro.Interpreter;
import ij.measure.ResultsTable;

/**
 * The fields of a command's dialog, as {@code run("Command...", "key=value")} fills them without a display: read as
 * ImageJ's own dialog reads them (1.54p, GenericDialog), field by field, and not before the command asks. FIJI's
 * stand-in for that dialog ignores text areas, files, folders and images, takes variables of the macro for texts, and
 * takes a second field with the same name for the first (ij1-patcher 2.0.0, HeadlessGenericDialog).
 */
public final class Options {

	/** The dialog finds its text areas under these keys. */
	private static final String[] AREAS = { "text1", "text2" };
	private static final String SCROLLBARS = "SCROLLBARS_(BOTH|VERTICAL_ONLY)$";

	/** A field: its key, and what the dialog proposes. */
	private static final class Field {

		private final String key;
		private final String shown;

		Field(final String key, final String shown) {
			this.key = key;
			this.shown = shown;
		}
	}

	private static final class Number {

		private final Field field;
		private final double standard;

		Number(final Field field, final double standard) {
			this.field = field;
			this.standard = standard;
		}
	}

	private static final class Choice {

		private final Field field;
		private final List<String> items;
		private int selected;

		Choice(final Field field, final List<String> items) {
			this.field = field;
			this.items = items;
			selected = items.indexOf(field.shown);
		}
	}

	private final String given = Macro.getOptions() == null ? "" : Macro.getOptions();
	private final Set<String> keys = new HashSet<>();
	private final List<Number> numbers = new ArrayList<>();
	private final List<Field> texts = new ArrayList<>();
	private final List<String> boxes = new ArrayList<>();
	private final List<Choice> choices = new ArrayList<>();
	private final List<Field> radios = new ArrayList<>();
	private final TextArea[] areas = new TextArea[2];
	private int[] images;
	private String[] imageTitles;
	private Component message;
	private String title = "";
	private boolean isInSameRow;
	private boolean wasShown;
	private boolean wasInvalid;
	private String error;
	private int number;
	private int text;
	private int box;
	private int choice;
	private int radio;
	private int area;

	/** Sets the title of a dialog's options. */
	public static void title(final Object dialog, final String shown) {
		of(dialog).title = shown;
	}

	/** Marks the next field as being in the same row as the last one. */
	public static void sameRow(final Object dialog) {
		of(dialog).isInSameRow = true;
	}

	/** The stand-in's field is not known where ImageJ's own class is changed. */
	private static Options of(final Object dialog) {
		try {
			return (Options) dialog.getClass().getField("_options").get(dialog);
		}
		catch (final ReflectiveOperationException notMended) {
			return new Options();
		}
	}

	/** Two fields with the same name get different keys, the second one with a number. */
	private String key(final String label) {
		String key = label == null ? "" : Macro.trimKey(label.trim());
		if (key.isEmpty()) return key;
		final String first = key;
		for (int again = 0; keys.contains(key); again++) key = first + "_" + again;
		keys.add(key);
		return key;
	}

	public void number(final String label, final double standard) {
		number(label, standard, (int) standard == standard ? 0 : 3);
	}

	/** @param digits as ImageJ shows them: negative for an exponent if needed */
	public void number(final String label, final double standard, final int digits) {
		final String shown = digits < 0 ? ResultsTable.d2s(standard, -digits) : IJ.d2s(standard, digits);
		number(label, Double.isNaN(standard) ? "" : shown, standard);
	}

	private void number(final String label, final String shown, final double standard) {
		isInSameRow = false;
		numbers.add(new Number(new Field(key(label), shown), standard));
	}

	public void slider(final String label, final double least, final double most, final double standard) {
		final double value = Math.min(Math.max(standard, least), most);
		final boolean isWhole = least == (int) least && most == (int) most && value == (int) value;
		final boolean isFine = most - least <= 5 && !isWhole;
		slider(label, value, isFine ? 50 : 1, isFine ? 2 : 0);
	}

	public void slider(final String label, final double least, final double most, final double standard, final double step) {
		final double width = step <= 0 ? 1 : step;
		final int digits = digits(width);
		slider(label, Math.min(Math.max(standard, least), most), 1 / width, digits == 1 && "Angle:".equals(label) ? 2 : digits);
	}

	private void slider(final String label, final double value, final double scale, final int digits) {
		final double standard = value * scale / scale;
		number(label, IJ.d2s(standard, digits), standard);
	}

	/** How many digits of a slider's value ImageJ shows. */
	private static int digits(final double step) {
		if (step == (int) step) return 0;
		final String[] parts = Double.toString(step).toUpperCase(Locale.US).split("E");
		final String fraction = parts[0].substring(parts[0].indexOf('.') + 1);
		if (parts.length == 1) return fraction.length();
		return (fraction.equals("0") ? 0 : fraction.length()) - Integer.parseInt(parts[1]);
	}

	public void text(final String label, final String standard) {
		final String shown = standard == null ? "" : standard.replaceAll("\r\n|[\r\n]", " ");
		texts.add(new Field(key(isInSameRow && "_".equals(label) ? "" : label), shown));
		isInSameRow = false;
	}

	public void folder(final String label, final String standard) {
		text(label, IJ.addSeparator(standard));
		// With a display, the field and the button beside it each have a key.
		key(label);
	}

	public void file(final String label, final String standard) {
		text(label, standard);
		key(label);
	}

	public void checkbox(final String label) {
		isInSameRow = false;
		boxes.add(key(label));
	}

	/** The preview box has no key. */
	public void preview() {
		boxes.add(null);
	}

	public void checkboxes(final int rows, final int columns, final String[] labels) {
		final int shown = Math.min(rows * columns, labels.length);
		for (int i = 0; i < shown; i++) if (labels[i] != null && !labels[i].isEmpty()) checkbox(labels[i]);
	}

	public void choice(final String label, final String[] items, final String standard) {
		isInSameRow = false;
		final List<String> shown = Arrays.asList(items.clone());
		final String selected = shown.contains(standard) || shown.isEmpty() ? standard : shown.get(0);
		choices.add(new Choice(new Field(key(label), shown.isEmpty() ? null : selected), shown));
	}

	/** The titles of the open images. */
	public void images(final String label, final String standard) {
		if (imageTitles == null) {
			final int[] open = WindowManager.getIDList();
			images = open == null ? new int[0] : open;
			imageTitles = new String[images.length];
			for (int at = 0; at < images.length; at++) {
				final ImagePlus image = WindowManager.getImage(images[at]);
				imageTitles[at] = image == null ? "" : image.getTitle();
			}
		}
		choice(label, imageTitles, standard);
	}

	public void radio(final String label, final String[] items, final String standard) {
		isInSameRow = false;
		final boolean isNamed = label != null && !label.isEmpty();
		if (isNamed) message(label);
		final String shown = Arrays.asList(items).contains(standard) ? standard : "null";
		radios.add(new Field(key(isNamed ? label : "rbg" + (radios.size() + 1)), shown));
	}

	public void areas(final String first, final String second) {
		isInSameRow = false;
		if (areas[0] != null) return;
		areas[0] = area(first == null ? "" : first.replaceFirst(SCROLLBARS, ""));
		if (second != null) areas[1] = area(second);
	}

	private static TextArea area(final String text) {
		final TextArea area = Windows.withoutConstructor(TextArea.class);
		area.setText(text);
		return area;
	}

	/** The first or second of the text areas, or null: a command may write into it. */
	public TextArea area(final int at) {
		return areas[at];
	}

	/** Nobody reads what a command writes into its dialog's message, but the command needs ImageJ's component for it. */
	public void message(final String said) {
		isInSameRow = false;
		final boolean hasLines = said != null && said.indexOf('\n') >= 0;
		message = hasLines ? Windows.withoutConstructor(MultiLineLabel.class) : Windows.withoutConstructor(Label.class);
	}

	public Component message() {
		return message;
	}

	public void reset() {
		number = 0;
		text = 0;
		box = 0;
		choice = 0;
		radio = 0;
		area = 0;
		wasInvalid = false;
	}

	/** Whether the dialog was shown before: ImageJ lets its listener read the options once. */
	public boolean wasShown() {
		final boolean before = wasShown;
		wasShown = true;
		return before;
	}

	private String value(final Field field) {
		return Macro.getValue(given, field.key, field.shown);
	}

	/** A number, or a variable of the macro: {@code "sigma=s"} and {@code "sigma=&s"}. */
	public double nextNumber() {
		if (numbers.isEmpty()) return -1;
		final Number next = numbers.get(number);
		final double value = number(next, value(next.field));
		number++;
		return value;
	}

	private double number(final Number next, final String said) {
		if (said.equals(next.field.shown)) return next.standard;
		try {
			return said.startsWith("0x") ? hexadecimal(said.substring(2)) : Double.parseDouble(said);
		}
		catch (final NumberFormatException isName) {
			final String name = plain(said);
			final double value = variable(name);
			if (Double.isNaN(value)) invalid(next.field.key, name);
			return value;
		}
	}

	private static int hexadecimal(final String digits) {
		try {
			return Integer.parseInt(digits, 16);
		}
		catch (final NumberFormatException none) {
			return 0;
		}
	}

	private void invalid(final String key, final String name) {
		wasInvalid = true;
		error = "\"" + name + "\" is an invalid number";
		IJ.error("Macro Error", "Numeric value expected in run() function\n \n" + "	 Dialog box title: \"" + title + "\"\n" +
			"	 Key: \"" + key + "\"\n" + "	 Value or variable name: \"" + name + "\"");
	}

	public boolean invalidNumber() {
		final boolean was = wasInvalid;
		wasInvalid = false;
		return was;
	}

	public String errorMessage() {
		return error;
	}

	/**
	 * A text, or a variable of the macro: {@code "title=&name"}, and without the sign if the text is the start of the key,
	 * {@code "title=title"}, or the field holds a number, {@code "width=w"}.
	 */
	public String nextText() {
		if (texts.isEmpty()) return "";
		final Field next = texts.get(text);
		final String said = value(next);
		text++;
		final boolean isName = said.startsWith("&") || holdsNumber(next.shown) || next.key.startsWith(said);
		return isName ? valueOf(plain(said)) : said;
	}

	private static boolean holdsNumber(final String shown) {
		return !shown.isEmpty() && (Character.isDigit(shown.charAt(0)) || shown.startsWith("-"));
	}

	/** The value of a variable of the macro, or the name itself if there is no such variable. */
	private static String valueOf(final String name) {
		final Interpreter macro = Interpreter.getInstance();
		final String value = macro == null ? null : macro.getVariableAsString(name);
		return value == null ? name : value;
	}

	public boolean nextBoolean() {
		if (boxes.isEmpty()) return false;
		final String key = boxes.get(box);
		if (key == null) throw new NullPointerException("The box for a preview has no key in the options of a command");
		box++;
		return isGiven(key + " ");
	}

	/** Whether a word appears in the options, outside of brackets and not as a value. */
	private boolean isGiven(final String word) {
		if (given.startsWith(word)) return true;
		final String apart = " " + word;
		boolean isInBrackets = false;
		for (int i = 0; i <= given.length() - apart.length(); i++) {
			final char here = given.charAt(i);
			if (isInBrackets && here == ']') isInBrackets = false;
			else if (here == '[') isInBrackets = true;
			final boolean isValue = i > 1 && given.charAt(i - 1) == '=';
			if (!isInBrackets && !isValue && given.startsWith(apart, i)) return true;
		}
		return false;
	}

	/** A choice as written in the options, listed or not; {@code "method=&name"} is a variable of the macro. */
	public String nextChoice() {
		if (choices.isEmpty()) return "";
		final Choice next = choices.get(choice);
		choice++;
		return chosen(next);
	}

	private String chosen(final Choice next) {
		final String shown = next.selected < 0 ? null : next.items.get(next.selected);
		final String said = Macro.getValue(given, next.field.key, shown);
		return said != null && said.startsWith("&") ? choiceVariable(plain(said)) : said;
	}

	/** Which of the items is chosen. Anything else is an error, as with a display. */
	public int nextChoiceIndex() {
		if (choices.isEmpty()) return -1;
		final Choice next = choices.get(choice);
		final String said = chosen(next);
		final int at = next.items.indexOf(said);
		if (at >= 0) next.selected = at;
		else if (said != null && stringVariable(said) == null) {
			IJ.error(title, "\"" + said + "\" is not a valid choice for \"" + next.field.key + "\"");
		}
		choice++;
		return next.selected;
	}

	private static String stringVariable(final String name) {
		final Interpreter macro = Interpreter.getInstance();
		return macro == null ? null : macro.getStringVariable(name);
	}

	private static String choiceVariable(final String name) {
		final String value = stringVariable(name);
		if (value != null) return value;
		final double number = variable(name);
		if (Double.isNaN(number)) return name;
		return (int) number == number ? "" + (int) number : "" + number;
	}

	public ImagePlus nextImage() {
		final int at = nextChoiceIndex();
		return at < 0 ? null : WindowManager.getImage(images[at]);
	}

	public String nextRadio() {
		if (radios.isEmpty()) return null;
		return value(radios.get(radio++));
	}

	/** The content of the next of a dialog's two text areas. */
	public String nextArea() {
		final int at = area++;
		if (at >= areas.length || areas[at] == null) return null;
		return Macro.getValue(given, AREAS[at], areas[at].getText());
	}

	private static double variable(final String name) {
		final Interpreter macro = Interpreter.getInstance();
		return macro == null ? Double.NaN : macro.getVariable2(name);
	}

	private static String plain(final String said) {
		return said.startsWith("&") ? said.substring(1) : said;
	}
}
