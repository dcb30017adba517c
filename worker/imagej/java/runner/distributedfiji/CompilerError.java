package distributedfiji;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The first error of a Groovy or BeanShell script in its own words: both give place and cause in one long text. */
final class CompilerError {

	private static final Pattern[] TOLD = {
		// Groovy: "startup failed:\nwell.groovy: 3: Unexpected input: 'x' @ line 3, column 1.\n…"
		Pattern.compile("(?s)startup failed:\\s*(?:[^\\n]*?: (?<line>\\d+): )?(?<words>.*?)(?: @ line \\d+, column \\d+\\.|\\n|$)"),
		// BeanShell, running: "Sourced file: inline evaluation of: ``…'' : Attempt to resolve method: … : at Line: 5 : in file: …"
		Pattern.compile("(?s)inline evaluation of: ``.*?''\\s*:?\\s*(?<words>.*?) : at Line: (?<line>\\d+) : in file: "),
		// BeanShell, reading: "In file: inline evaluation of: ``…'' Encountered ";" at line 2, column 6."
		Pattern.compile("(?s)inline evaluation of: ``.*?''\\s*(?<words>Encountered .*?) at line (?<line>\\d+), column \\d+") };

	final String words;
	/** Counted from 1; null if not given. */
	final Integer line;

	private CompilerError(final Matcher told) {
		words = told.group("words").trim();
		line = told.group("line") == null ? null : Integer.valueOf(told.group("line"));
	}

	/** Returns what such a text says, or null for any other. */
	static CompilerError find(final Throwable cause) {
		final String type = cause.getClass().getName();
		if (!type.startsWith("org.codehaus.groovy.control.") && !type.startsWith("bsh.") &&
			!type.equals("javax.script.ScriptException")) return null;
		for (final Pattern pattern : TOLD) {
			final Matcher told = pattern.matcher(String.valueOf(cause.getMessage()));
			if (told.find()) return new CompilerError(told);
		}
		return null;
	}
}
