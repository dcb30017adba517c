package distributedfiji;

import java.lang.reflect.Field;
import java.util.regex.Pattern;

/** What is to be known of Jython's exceptions, by reflection: the runner does not need Jython to be there. */
final class Jython {

	private static final String SKIP_PACKAGES = "python.cachedir.skip";
	private static final Pattern WHOLE_PACKAGE = Pattern.compile("(?m)^\\s*from\\s+[\\w.]+\\s+import\\s+\\*");

	private Jython() {}

	/**
	 * Lets Jython list the packages of all jars, which takes half a second, for a script that imports a whole package.
	 * To be called before Jython starts. Where the launcher has decided, as FIJI's does, that stands.
	 */
	static void prepare(final String scriptText) {
		if (System.getProperty(SKIP_PACKAGES) != null || !WHOLE_PACKAGE.matcher(scriptText).find()) return;
		System.setProperty(SKIP_PACKAGES, "false");
	}

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
