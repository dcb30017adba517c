package distributedfiji;

import java.lang.reflect.Field;

/** What is to be known of Jython's exceptions, by reflection: the runner does not need Jython to be there. */
final class Jython {

	private Jython() {}

	static boolean isException(final Throwable thrown) {
		return "org.python.core.PyException".equals(thrown.getClass().getName());
	}

	/** Returns the code of sys.exit(code), 1 for sys.exit("text"), or null for any other exception. */
	static Integer exitCode(final Throwable thrown) {
		if (!isException(thrown) || !text(thrown, "type").contains("exceptions.SystemExit")) return null;
		final String code = code(thrown);
		if (code.isEmpty() || "None".equals(code)) return 0;
		try {
			return Integer.valueOf(code);
		}
		catch (final NumberFormatException text) {
			return 1;
		}
	}

	/** Returns the text of sys.exit("text"), else an empty string. */
	static String exitMessage(final Throwable thrown) {
		final String code = code(thrown);
		return code.matches("-?\\d*") ? "" : code;
	}

	private static String code(final Throwable thrown) {
		return text(thrown, "value");
	}

	private static String text(final Throwable thrown, final String name) {
		try {
			final Field field = thrown.getClass().getField(name);
			return String.valueOf(field.get(thrown));
		}
		catch (final ReflectiveOperationException otherJython) {
			return "";
		}
	}
}
