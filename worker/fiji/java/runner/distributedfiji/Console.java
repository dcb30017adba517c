package distributedfiji;

import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads along what ImageJ prints while a script runs. Without a window it prints what would have been a dialog, and of
 * some errors that is all that is left. Everything still goes to System.out and System.err.
 */
final class Console {

	private static final int KEPT = 50;
	private static final Pattern MACRO_ERROR = Pattern.compile("(?s)^Macro Error: (.*) in line (\\d+)");

	private final Deque<String> lines = new ArrayDeque<>();
	private volatile boolean outOfMemory;
	private volatile String lastWords;
	private volatile MacroFailure macroError;

	/** Starts to read along. */
	static Console install() {
		final Console console = new Console();
		System.setOut(console.new Tap(System.out));
		System.setErr(console.new Tap(System.err));
		return console;
	}

	/** True when ImageJ has caught an OutOfMemoryError and gone on. */
	boolean sawOutOfMemory() {
		return outOfMemory;
	}

	/** The first error that a macro's interpreter has shown, be it of a macro that the script has called, or null. */
	MacroFailure macroError() {
		return macroError;
	}

	/** What a macro said with exit("message"), or null. */
	String lastWords() {
		return lastWords;
	}

	/** The last lines that were printed. */
	synchronized String tail() {
		return String.join("\n", lines);
	}

	/** The first of them that tells of lacking memory or of a lacking display, or null. */
	String seriousLine() {
		for (final String line : tail().split("\n")) {
			if (!Throwables.kind(null, line).equals(Outcome.SCRIPT_ERROR)) return line.trim();
		}
		return null;
	}

	private synchronized void note(final String line) {
		if (lines.size() == KEPT) lines.removeFirst();
		lines.addLast(line);
		if (line.startsWith("<Out of memory>")) outOfMemory = true;
		final Matcher error = MACRO_ERROR.matcher(line);
		if (macroError == null && error.find()) macroError = MacroFailure.of(error.group(1), Integer.valueOf(error.group(2)));
		if (lastWords == null && MacroWatch.hasEndedItself()) lastWords = line;
	}

	/** Sees the whole strings that ImageJ prints. */
	private final class Tap extends PrintStream {

		private final PrintStream out;

		Tap(final PrintStream out) {
			super(out, true);
			this.out = out;
		}

		@Override
		public void println(final String line) {
			if (line != null) note(line);
			out.println(line);
		}
	}
}
