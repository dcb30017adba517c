package distributedfiji;

import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads along with what ImageJ prints while a script runs. Without a window, it prints what would have been a dialog,
 * and that is all that is left of some errors. Everything still goes to System.out and System.err.
 */
final class Console {

	private static final int KEPT = 50;
	/** "Macro Error: Undefined variable in line 2", then an empty line and the statement, its words separated. */
	private static final Pattern MACRO_ERROR = Pattern.compile("(?s)^(?:Macro Error|No Image): (.*?) in line (\\d+)(.*)");

	private final Deque<String> lines = new ArrayDeque<>();
	private volatile boolean outOfMemory;
	private volatile String lastWords;
	private volatile MacroFailure macroError;
	private final Swallowed swallowed;

	private Console(final Swallowed swallowed) {
		this.swallowed = swallowed;
	}

	/** Starts reading along. */
	static Console install(final Swallowed swallowed) {
		final Console console = new Console(swallowed);
		swallowed.install();
		System.setOut(console.new Tap(System.out));
		System.setErr(console.new Tap(System.err));
		return console;
	}

	Swallowed swallowed() {
		return swallowed;
	}

	/** True if ImageJ caught an OutOfMemoryError and continued. */
	boolean sawOutOfMemory() {
		return outOfMemory;
	}

	/** The first error that a macro's interpreter showed, even in a macro that the script called, or null. */
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

	/** The first of them about a lack of memory or of a display, or null. */
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
		if (macroError == null && error.find()) macroError = macroError(error);
		if (lastWords == null && MacroWatch.isSayingGoodbye()) lastWords = line;
	}

	private static MacroFailure macroError(final Matcher error) {
		final String marked = Statement.marked(error.group(3));
		final String words = error.group(1);
		final boolean names = words.startsWith("Undefined") && marked != null && !words.contains(marked);
		return MacroFailure.of(names ? words + ": " + marked : words, Integer.valueOf(error.group(2)),
			Statement.upToMark(error.group(3)));
	}

	/** Sees the complete strings that ImageJ prints. */
	private final class Tap extends PrintStream {

		private final PrintStream out;

		Tap(final PrintStream out) {
			super(out, true);
			this.out = out;
		}

		@Override
		public void println(final String line) {
			out.println(line);
			if (line == null) return;
			note(line);
			swallowed.look(line);
		}
	}
}
