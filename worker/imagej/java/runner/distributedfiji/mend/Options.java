package distributedfiji.mend;

import java.awt.Label;
import java.util.Arrays;
import java.util.Locale;

import ij.IJ;
import ij.ImagePlus;
import ij.Macro;
import ij.WindowManager;
import ij.macro.Interpreter;

/**
 * Reads the options of {@code run("Command...", "key=value")} as ImageJ's dialog does. FIJI's stand-in for that dialog,
 * which it has without a display, takes text areas, files, folders and images for nothing, and variables of the macro
 * for texts (ij1-patcher 2.0.0, HeadlessGenericDialog; what ImageJ does: 1.54p, GenericDialog).
 */
public final class Options {

	/** The dialog that reads its text areas finds them under these keys. */
	private static final String[] AREAS = { "text1", "text2" };

	/** What a command writes into its dialog's message, as "RGB Color" does, is for nobody: Java makes no such part. */
	public static final Label MESSAGE = Windows.withoutConstructor(Label.class);

	private Options() {}

	/** A number, or a variable of the macro: {@code "sigma=s"} and {@code "sigma=&s"}. */
	public static double number(final String label, final double standard) {
		final String text = given(label, null);
		if (text == null) return standard;
		try {
			return text.startsWith("0x") ? Integer.decode(text) : Double.parseDouble(text);
		}
		catch (final NumberFormatException name) {
			final double value = variable(plain(text));
			if (Double.isNaN(value)) {
				IJ.error("Numeric value expected in run() function: key \"" + key(label) + "\", value or variable name \"" +
					plain(text) + "\"");
			}
			return value;
		}
	}

	/**
	 * A text, or a variable of the macro: {@code "title=&name"}, and without the sign where the text is the key's beginning,
	 * {@code "title=title"}, or the field holds a number, {@code "width=w"}.
	 */
	public static String text(final String label, final String standard) {
		final String text = given(label, standard);
		if (text == null || text.isEmpty()) return text;
		return key(label).startsWith(text) || holdsNumber(standard) ? valueOf(text) : choice(text);
	}

	/** A choice, or a variable of the macro: {@code "method=&name"}. */
	public static String choice(final String label, final String standard) {
		return choice(given(label, standard));
	}

	private static String choice(final String text) {
		return text != null && text.startsWith("&") ? valueOf(text) : text;
	}

	/**
	 * Which of a choice's items is chosen; the first where the options name none and the dialog proposes what it does not
	 * have; -1 for a choice that is none of them.
	 */
	public static int index(final String[] items, final String chosen, final String standard) {
		final int index = Arrays.asList(items).indexOf(chosen);
		return index < 0 && items.length > 0 && (chosen == null || chosen.equals(standard)) ? 0 : index;
	}

	/** Says what ImageJ says of a choice that is none; a dialog that reads it as a text takes it as it is. */
	public static int checked(final int index, final Object label, final Object chosen) {
		if (index >= 0) return index;
		IJ.error("\"" + chosen + "\" is not a valid choice for \"" + label + "\"");
		return 0;
	}

	/** What stands in one of a dialog's two text areas. */
	public static String area(final int number, final String standard) {
		return Macro.getValue(Macro.getOptions(), AREAS[number], standard);
	}

	private static String given(final String label, final String standard) {
		return Macro.getValue(Macro.getOptions(), label == null ? "" : label, standard);
	}

	private static boolean holdsNumber(final String text) {
		return text != null && !text.isEmpty() && (Character.isDigit(text.charAt(0)) || text.startsWith("-"));
	}

	/** The value of a variable of the macro; the text itself where there is none of that name. */
	private static String valueOf(final String text) {
		final Interpreter macro = Interpreter.getInstance();
		final String value = macro == null ? null : macro.getVariableAsString(plain(text));
		return value == null ? plain(text) : value;
	}

	private static double variable(final String name) {
		final Interpreter macro = Interpreter.getInstance();
		return macro == null ? Double.NaN : macro.getVariable2(name);
	}

	private static String plain(final String text) {
		return text.startsWith("&") ? text.substring(1) : text;
	}

	private static String key(final String label) {
		return label == null ? "" : label.toLowerCase(Locale.US);
	}

	/** The titles of the images that are open, as an image is chosen from. */
	public static String[] images() {
		final int[] ids = WindowManager.getIDList();
		final String[] titles = new String[ids == null ? 0 : ids.length];
		for (int at = 0; at < titles.length; at++) {
			final ImagePlus image = WindowManager.getImage(ids[at]);
			titles[at] = image == null ? "" : image.getTitle();
		}
		return titles;
	}

	/** The image that was chosen. */
	public static ImagePlus image(final int chosen) {
		final int[] ids = WindowManager.getIDList();
		return ids == null || chosen < 0 || chosen >= ids.length ? null : WindowManager.getImage(ids[chosen]);
	}
}
