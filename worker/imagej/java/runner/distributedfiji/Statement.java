package distributedfiji;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A macro's line as ImageJ's interpreter gives it: its words separated, the one where it stopped in angle brackets. */
final class Statement {

	private static final Pattern MARKED = Pattern.compile("<(\\S+)>");

	private Statement() {}

	/** The statement with the marked word, up to it: {@code d = getDirectory ( "x" )}. Null if none is marked. */
	static String upToMark(final String line) {
		final Matcher mark = MARKED.matcher(line == null ? "" : line);
		if (!mark.find()) return null;
		final String before = line.substring(0, mark.start()) + mark.group(1);
		// A ; inside a text does not end a statement.
		int from = 0;
		boolean quoted = false;
		for (int at = 0; at < before.length() - 1; at++) {
			final char letter = before.charAt(at);
			if (letter == '"') quoted = !quoted;
			else if (!quoted && (letter == ';' || letter == '{' || letter == '}') && at < mark.start()) from = at + 1;
		}
		return before.substring(from).trim();
	}

	/** The word in angle brackets, or null. */
	static String marked(final String line) {
		final Matcher mark = MARKED.matcher(line == null ? "" : line);
		return mark.find() ? mark.group(1) : null;
	}
}
