package distributedfiji;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import javax.script.ScriptException;

/** Names what a Throwable means for the job: its kind, a sentence, and the line of the script. */
final class Throwables {

	private static final int LONGEST_TRACE = 30_000;
	private static final Pattern NO_MEMORY = Pattern.compile("OutOfMemoryError|(?m)^MemoryError|^out of memory");
	private static final Pattern NO_DISPLAY = Pattern.compile(
		"HeadlessException|java\\.awt\\.AWTError|X11GraphicsEnvironment|libawt_xawt|Can't connect to X11|headless dialog");

	private Throwables() {}

	/** Returns the outcome of a script that threw. */
	static Outcome outcome(final Throwable thrown, final String scriptName) {
		final Throwable cause = unwrapped(thrown);
		if (cause instanceof MacroFailure) return ((MacroFailure) cause).outcome();
		final Integer exit = Jython.exitCode(cause);
		if (exit != null) return exitOutcome(exit, cause);
		final String trace = trace(cause);
		final Integer line = line(cause, trace, scriptName);
		return Outcome.failed(kind(cause, trace), message(cause), line != null ? line : engineLine(thrown), trace);
	}

	/** Returns the outcome of a script that ended itself with an exit code. */
	static Outcome exitOutcome(final int code, final Throwable cause) {
		if (code == 0) return Outcome.ok();
		final String said = cause == null ? "" : Jython.exitMessage(cause);
		final String message = said.isEmpty() ? "The script ended itself with exit code " + code + "." : said;
		return Outcome.failed(Outcome.SCRIPT_ERROR, message, null, null);
	}

	/** Also true if a language or a thread pool wrapped the error. */
	static boolean isOutOfMemory(final Throwable thrown) {
		for (Throwable t = thrown; t != null; t = t.getCause()) if (t instanceof OutOfMemoryError) return true;
		return false;
	}

	static String kind(final Throwable cause, final String trace) {
		if (isOutOfMemory(cause) || NO_MEMORY.matcher(trace).find()) return Outcome.OUT_OF_MEMORY;
		return NO_DISPLAY.matcher(trace).find() ? Outcome.NEEDS_DISPLAY : Outcome.SCRIPT_ERROR;
	}

	private static Throwable unwrapped(final Throwable thrown) {
		Throwable cause = thrown;
		while (cause.getCause() != null && (cause instanceof ScriptException ||
			cause instanceof InvocationTargetException || cause instanceof ExecutionException))
		{
			cause = cause.getCause();
		}
		return cause;
	}

	static String message(final Throwable cause) {
		if (isCancel(cause) && ImageJ.lastErrorShown() != null) {
			return ImageJ.lastErrorShown().trim().replaceAll("\\s*\n\\s*", " ");
		}
		final CompilerError told = CompilerError.find(cause);
		if (told != null) return told.words;
		final String text = Jython.isException(cause) ? lastLine(cause.toString()) : String.valueOf(cause);
		final String first = text.trim().split("\n", 2)[0].trim();
		// Jython gives a Java exception's class twice: "java.io.IOException: java.io.IOException: no".
		return first.replaceFirst("^(\\S+: )\\1", "$1");
	}

	/** What ImageJ throws into a script after it has shown an error: it has no message of its own. */
	private static boolean isCancel(final Throwable cause) {
		for (Throwable t = cause; t != null; t = t.getCause()) if ("Macro canceled".equals(t.getMessage())) return true;
		return false;
	}

	private static String lastLine(final String text) {
		final String[] lines = text.trim().split("\n");
		return lines[lines.length - 1];
	}

	static String trace(final Throwable cause) {
		final StringWriter out = new StringWriter();
		cause.printStackTrace(new PrintWriter(out, true));
		final String trace = out.toString();
		return trace.length() > LONGEST_TRACE ? trace.substring(0, LONGEST_TRACE) : trace;
	}

	/** The innermost line in the script itself. */
	static Integer line(final Throwable cause, final String trace, final String scriptName) {
		if (Jython.isException(cause)) return lastMatch(trace, "File \"[^\"]*" + Pattern.quote(scriptName) + "\", line (\\d+)");
		final CompilerError told = CompilerError.find(cause);
		if (told != null && told.line != null) return told.line;
		for (Throwable t = cause; t != null; t = t.getCause()) {
			for (final StackTraceElement frame : t.getStackTrace()) {
				if (scriptName.equals(frame.getFileName())) return frame.getLineNumber();
			}
		}
		return lastMatch(trace, Pattern.quote(scriptName) + ": ?(\\d+)");
	}

	/** The line that a script engine such as BeanShell's gives with the Throwable; null if it gives none. */
	private static Integer engineLine(final Throwable thrown) {
		for (Throwable t = thrown; t != null; t = t.getCause()) {
			if (t instanceof ScriptException && ((ScriptException) t).getLineNumber() > 0)
				return ((ScriptException) t).getLineNumber();
		}
		return null;
	}

	private static Integer lastMatch(final String text, final String pattern) {
		final Matcher matcher = Pattern.compile(pattern).matcher(text);
		Integer line = null;
		while (matcher.find()) line = Integer.valueOf(matcher.group(1));
		return line;
	}
}
