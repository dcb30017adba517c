package distributedfiji.questions;

import java.io.File;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import distributedfiji.Values;

/** Converts an answer to what a question wants, or says why that is impossible. */
final class Fitting {

	/** Raised if an answer does not fit its question; the text says why. */
	static final class Misfit extends Exception {

		Misfit(final String why) {
			super(why);
		}
	}

	private final File work;
	private final File output;

	/**
	 * @param work the script's working directory, which relative paths start from
	 * @param output where missing folders are made
	 */
	Fitting(final File work, final File output) {
		this.work = work;
		this.output = output;
	}

	Object fit(final Question question, final Object value) throws Misfit {
		switch (question.kind) {
			case Question.NUMBER: return number(value);
			case Question.BOOLEAN: return truth(value);
			case Question.CONFIRM: case Question.WAIT: return agreement(question, value);
			case Question.CHOICE: return choice(question, value);
			case Question.FOLDER: return folder(Values.text(value));
			case Question.FILE: return file(Values.text(value));
			case Question.SAVE: return save(Values.text(value));
			default: return Values.text(value);
		}
	}

	private static BigDecimal number(final Object value) throws Misfit {
		try {
			if (!(value instanceof Boolean)) return new BigDecimal(Values.text(value).trim());
		}
		catch (final NumberFormatException text) {
			throw new Misfit("is not a number");
		}
		throw new Misfit("is not a number");
	}

	private static Boolean truth(final Object value) throws Misfit {
		if (value instanceof Boolean) return (Boolean) value;
		final String text = Values.text(value).trim().toLowerCase(Locale.ROOT);
		if ("true".equals(text) || "1".equals(text) || "yes".equals(text)) return true;
		if ("false".equals(text) || "0".equals(text) || "no".equals(text)) return false;
		throw new Misfit("is neither true nor false");
	}

	/** True for the first button, false for the second, the words of a third; or simply yes or no. */
	private static Object agreement(final Question question, final Object value) throws Misfit {
		final int button = question.choices == null ? -1 : question.choices.indexOf(Values.text(value).trim());
		return button < 0 ? truth(value) : button > 1 ? question.choices.get(button) : (Object) (button == 0);
	}

	private static String choice(final Question question, final Object value) throws Misfit {
		final String text = Values.text(value);
		if (question.choices.contains(text)) return text;
		final List<String> quoted = new ArrayList<>();
		for (final String choice : question.choices) quoted.add("\"" + choice + "\"");
		throw new Misfit("is not one of its choices: " + String.join(", ", quoted));
	}

	/** Below output/, a missing folder is made. The path ends with a separator, as ImageJ's do. */
	private String folder(final String text) throws Misfit {
		final File folder = file(work, text);
		if (isBelow(output, folder)) folder.mkdirs();
		if (!folder.isDirectory()) throw new Misfit("is no folder that is there");
		return withSeparator(folder);
	}

	static String withSeparator(final File folder) {
		final String path = folder.getAbsolutePath();
		return path.endsWith(File.separator) ? path : path + File.separator;
	}

	private String file(final String text) throws Misfit {
		final File file = file(work, text);
		if (!file.exists()) throw new Misfit("is no file that is there");
		return file.getAbsolutePath();
	}

	/** A bare name goes to output/. */
	private String save(final String text) throws Misfit {
		if (text.trim().isEmpty()) throw new Misfit("names no file");
		final File file = new File(text).getParent() == null ? new File(output, text) : file(work, text);
		file.getAbsoluteFile().getParentFile().mkdirs();
		return file.getAbsolutePath();
	}

	private static File file(final File from, final String text) {
		final File file = new File(text);
		return file.isAbsolute() ? file : new File(from, text);
	}

	private static boolean isBelow(final File folder, final File path) {
		return path.toPath().toAbsolutePath().normalize().startsWith(folder.toPath().toAbsolutePath().normalize());
	}
}
