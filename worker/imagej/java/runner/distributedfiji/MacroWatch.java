package distributedfiji;

import java.lang.reflect.Field;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/**
 * Finds out how a macro ended. ImageJ keeps macro errors to itself: the interpreter prints them and stops. So each
 * macro begins with a call to {@link #started()}, which notes its interpreter, so that it can be asked afterwards.
 * The classes of ImageJ are reached by reflection: the runner compiles and loads without them.
 */
public final class MacroWatch {

	/** Goes before the macro, on its first line, so that line numbers do not change. */
	static final String PREFIX = "call(\"distributedfiji.MacroWatch.started\"); ";

	private static final String WITHOUT_A_WORD = "ImageJ cancelled the macro without a word";
	private static final String ABORTED = "[aborted]";
	private static volatile Object interpreter;
	private static volatile boolean running;
	private static volatile Thread thread;
	private static volatile String argument = "";
	private static volatile Consumer<String> onExit = words -> {};

	private MacroWatch() {}

	/** Called by every macro as it starts. */
	public static void started() {
		thread = Thread.currentThread();
		interpreter = ImageJ.call("ij.macro.Interpreter", "getInstance", null);
		if (interpreter != null) set(interpreter, "argument", argument);
	}

	/** What to do when a macro that the script runs ends itself with words that do not say it is done. */
	static void onExit(final Consumer<String> what) {
		onExit = what;
	}

	/** Called by every macro that ends itself with a message. */
	public static void exits(final Object ending, final String words) {
		if (ending != interpreter && !Goodbye.saysDone(words)) onExit.accept(words);
	}

	/** True while the script's own macro runs. */
	static boolean isRunning() {
		return running && interpreter != null;
	}

	/** The line that the script's own macro has reached or ended at; null without one. */
	static Integer line() {
		return interpreter == null ? null : (Integer) ImageJ.call(interpreter, "getLineNumber");
	}

	/** True between a macro's own exit() and the end of its engine, on the thread that shows its message. */
	static boolean isSayingGoodbye() {
		final boolean isItsOwn = Thread.currentThread() == thread || ModalWindows.isWatching();
		return isItsOwn && interpreter != null && ImageJ.call("ij.macro.Interpreter", "getInstance", null) == null;
	}

	/** Runs a macro, whose getArgument() returns {@code given}, and throws MacroFailure if it did not end well. */
	static Object run(final Callable<Object> macro, final Console console, final String given) throws Exception {
		interpreter = null;
		argument = given;
		running = true;
		ImageJ.lastError();
		boolean aborted = false;
		Object value = null;
		try {
			value = macro.call();
			aborted = ABORTED.equals(value);
		}
		catch (final ThreadDeath stoppedByImageJ) {
			// Up to Java 19, ImageJ ends an aborted macro by stopping its thread.
			aborted = true;
		}
		catch (final Exception | Error thrown) {
			throw MacroFailure.of(thrown, line(), statement());
		}
		finally {
			running = false;
		}
		final MacroFailure failure = failure(aborted, console);
		if (failure != null) throw failure;
		return aborted ? null : value;
	}

	private static MacroFailure failure(final boolean aborted, final Console console) {
		if (console.macroError() != null) return console.macroError();
		final Object ended = interpreter;
		if (ended == null) return aborted ? MacroFailure.of("The macro could not be started: " + console.tail(), null, null) : null;
		if (console.swallowed().endOfMacro() != null) {
			return MacroFailure.of(console.swallowed().endOfMacro(), line(), statement());
		}
		if (Boolean.TRUE.equals(ImageJ.call(ended, "wasError"))) {
			return MacroFailure.of((String) ImageJ.call(ended, "getErrorMessage"), line(), statement());
		}
		return aborted || wasStopped(ended) ? stopped(console) : null;
	}

	/** A macro that was stopped: by an ImageJ error, by exit("message"), by exit(), which is not a failure, or silently. */
	private static MacroFailure stopped(final Console console) {
		final Integer line = line();
		final String statement = statement();
		final String error = ImageJ.lastError();
		if (error != null) return MacroFailure.of(error, line, statement);
		if (isExit(statement)) {
			final String words = console.lastWords();
			if (words == null || !Goodbye.saysDone(words)) return words == null ? null : MacroFailure.of(words, line, null);
			console.swallowed().endedWith(words.trim(), line);
			return null;
		}
		if (console.seriousLine() != null) return MacroFailure.of(new Error(console.seriousLine()), line, statement);
		final String shown = console.swallowed().messageAt(line);
		return MacroFailure.of(shown == null ? WITHOUT_A_WORD : "ImageJ cancelled the macro, and said: " + shown, line, statement);
	}

	private static boolean isExit(final String statement) {
		return statement != null && statement.matches("(?s)(.*[;{}) ])?exit\\b.*");
	}

	/** The macro's statement up to the word where it ended, its words separated, or null if unknown. */
	private static String statement() {
		final Object ended = interpreter;
		if (ended == null) return null;
		try {
			set(ended, "done", false);
			final java.lang.reflect.Method words = ended.getClass().getDeclaredMethod("getErrorLine");
			words.setAccessible(true);
			return Statement.upToMark((String) words.invoke(ended));
		}
		catch (final ReflectiveOperationException | RuntimeException otherImageJ) {
			return null;
		}
		finally {
			set(ended, "done", true);
		}
	}

	private static void set(final Object target, final String name, final Object value) {
		try {
			final Field field = target.getClass().getDeclaredField(name);
			field.setAccessible(true);
			field.set(target, value);
		}
		catch (final ReflectiveOperationException otherImageJ) {
			return;
		}
	}

	/** ImageJ tells an interpreter that it aborts to be quiet; nothing else does. */
	private static boolean wasStopped(final Object ended) {
		try {
			final Field quiet = ended.getClass().getDeclaredField("ignoreErrors");
			quiet.setAccessible(true);
			return quiet.getBoolean(ended);
		}
		catch (final ReflectiveOperationException otherImageJ) {
			return false;
		}
	}
}
