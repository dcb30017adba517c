package distributedfiji;

import java.lang.reflect.Field;
import java.util.concurrent.Callable;

/**
 * Finds out how a macro ended. ImageJ keeps macro errors to itself: the interpreter prints them and stops. So each
 * macro begins with a call to {@link #started()}, which notes its interpreter, and that is asked afterwards.
 * The classes of ImageJ are reached by reflection: the runner compiles and loads without them.
 */
public final class MacroWatch {

	/** Goes before the macro, on its first line, so that line numbers stay. */
	static final String PREFIX = "call(\"distributedfiji.MacroWatch.started\"); ";

	private static final String ABORTED = "[aborted]";
	private static volatile Object interpreter;

	private MacroWatch() {}

	/** Called by every macro as it starts. */
	public static void started() {
		interpreter = ImageJ.call("ij.macro.Interpreter", "getInstance", null);
	}

	/** True between a macro's own exit() and the end of its engine. */
	static boolean hasEndedItself() {
		return interpreter != null && ImageJ.call("ij.macro.Interpreter", "getInstance", null) == null;
	}

	/** Runs a macro, and throws MacroFailure when it did not end well. */
	static Object run(final Callable<Object> macro, final Console console) throws Exception {
		interpreter = null;
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
			throw MacroFailure.of(thrown, interpreter == null ? null : line(interpreter));
		}
		final MacroFailure failure = failure(aborted, console);
		if (failure != null) throw failure;
		return aborted ? null : value;
	}

	private static MacroFailure failure(final boolean aborted, final Console console) {
		if (console.macroError() != null) return console.macroError();
		final Object ended = interpreter;
		if (ended == null) return aborted ? MacroFailure.of("The macro could not be started: " + console.tail(), null) : null;
		if (Boolean.TRUE.equals(ImageJ.call(ended, "wasError"))) {
			return MacroFailure.of((String) ImageJ.call(ended, "getErrorMessage"), line(ended));
		}
		return aborted || wasStopped(ended) ? stopped(ended, console) : null;
	}

	/** A macro that was stopped: by an error of ImageJ, by exit("message"), or by exit(), which is no failure. */
	private static MacroFailure stopped(final Object ended, final Console console) {
		final String error = ImageJ.lastError();
		if (error != null) return MacroFailure.of(error, line(ended));
		if (console.lastWords() != null) return MacroFailure.of(console.lastWords(), line(ended));
		return console.seriousLine() == null ? null : MacroFailure.of(new Error(console.seriousLine()), line(ended));
	}

	private static Integer line(final Object ended) {
		return (Integer) ImageJ.call(ended, "getLineNumber");
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
