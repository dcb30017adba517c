package distributedfiji;

import java.util.regex.Pattern;

/** What the runner needs to know about Jython's exceptions, by reflection: Jython may be missing. */
final class Jython {

	private static final String SKIP_PACKAGES = "python.cachedir.skip";
	private static final Pattern WHOLE_PACKAGE = Pattern.compile("(?m)^\\s*from\\s+[\\w.]+\\s+import\\s+\\*");

	private Jython() {}

	/**
	 * Lets Jython list the packages of all jars, which takes half a second, for a script that imports a whole package.
	 * Call it before Jython starts. If the launcher has decided, as FIJI's does, that decision stays.
	 */
	static void prepare(final String scriptText) {
		if (System.getProperty(SKIP_PACKAGES) != null || !WHOLE_PACKAGE.matcher(scriptText).find()) return;
		System.setProperty(SKIP_PACKAGES, "false");
	}

	static boolean isException(final Throwable thrown) {
		Class<?> type = thrown.getClass();
		while (type != null && !"org.python.core.PyException".equals(type.getName())) type = type.getSuperclass();
		return type != null;
	}

	/** Returns the code of sys.exit(code), 1 for sys.exit("text"), or null for any other exception. */
	static Integer exitCode(final Throwable thrown) {
		if (!isException(thrown) || !type(thrown).contains("exceptions.SystemExit")) return null;
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

	/** Returns the code of a SystemExit, which Jython keeps as it is or in an instance of it. */
	private static String code(final Throwable thrown) {
		try {
			final Object value = thrown.getClass().getField("value").get(thrown);
			final Object code = value.getClass().getMethod("__findattr__", String.class).invoke(value, "code");
			return String.valueOf(code == null ? value : code);
		}
		catch (final ReflectiveOperationException otherJython) {
			return "";
		}
	}

	/** The script's line, counted from 1, that the current thread has reached, or null. */
	static Integer line(final String scriptName) {
		try {
			final Class<?> py = ImageJ.type("org.python.core.Py");
			for (Object frame = py.getMethod("getFrame").invoke(null); frame != null; frame = field(frame, "f_back")) {
				if (String.valueOf(field(field(frame, "f_code"), "co_filename")).endsWith(scriptName)) {
					return (Integer) field(frame, "f_lineno");
				}
			}
			return null;
		}
		catch (final ReflectiveOperationException | LinkageError | RuntimeException otherJython) {
			return null;
		}
	}

	private static Object field(final Object target, final String name) throws ReflectiveOperationException {
		return target.getClass().getField(name).get(target);
	}

	private static String type(final Throwable thrown) {
		try {
			return String.valueOf(thrown.getClass().getField("type").get(thrown));
		}
		catch (final ReflectiveOperationException otherJython) {
			return "";
		}
	}
}
