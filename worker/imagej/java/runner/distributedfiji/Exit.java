package distributedfiji;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Ends the JVM reliably, and learns the exit code that a script ends it with. */
final class Exit {

	private static final long PATIENCE_MS = 5_000;

	/** SciJava's own shutdown waits five seconds for the thread of the script that called System.exit. */
	static final long GRACE_MS = 500;

	/** "Runtime.exit() called with status: 3" */
	private static final Pattern STATUS = Pattern.compile("status: (-?\\d+)");

	private static volatile Integer status;
	private static Logger logger;

	private Exit() {}

	/**
	 * Begins to end the JVM with a code, even if threads are left or a shutdown hook hangs. Returns when no other code can
	 * come first: the caller may be a SciJava thread, for which its shutdown waits.
	 */
	static void begin(final int code) {
		System.out.flush();
		System.err.flush();
		try {
			haltAfter(PATIENCE_MS, code);
			new Thread(() -> System.exit(code), "exit").start();
		}
		catch (final OutOfMemoryError noThread) {
			Runtime.getRuntime().halt(code);
		}
		while (!hasBegun()) Thread.yield();
	}

	/** Keeps a script's thread from continuing while the JVM ends, and ends it soon; returns if the JVM is not ending. */
	static void stay() {
		if (!hasBegun()) return;
		// SciJava's own shutdown would wait five seconds for this thread.
		haltAfter(GRACE_MS, 1);
		while (true) {
			try {
				Thread.sleep(PATIENCE_MS);
			}
			catch (final InterruptedException goOn) {
				continue;
			}
		}
	}

	/** Halts the JVM if it has not ended by then. */
	static void haltAfter(final long milliseconds, final int code) {
		final Thread safetyNet = new Thread(() -> {
			try {
				Thread.sleep(milliseconds);
			}
			catch (final InterruptedException goOn) {
				Thread.currentThread().interrupt();
			}
			Runtime.getRuntime().halt(code);
		}, "exit-safety-net");
		safetyNet.setDaemon(true);
		safetyNet.start();
	}

	/** Java accepts no more shutdown hooks once it is shutting down. */
	private static boolean hasBegun() {
		final Thread probe = new Thread();
		try {
			Runtime.getRuntime().addShutdownHook(probe);
			Runtime.getRuntime().removeShutdownHook(probe);
			return false;
		}
		catch (final IllegalStateException shuttingDown) {
			return true;
		}
	}

	/** Who ends the JVM: the script itself, or ImageJ or a plugin on its behalf. */
	static final class Caller {

		/** null for the script itself; otherwise class and method. */
		private final String foreign;
		private final Integer line;

		private Caller(final String foreign, final Integer line) {
			this.foreign = foreign;
			this.line = line;
		}

		/** The outcome of a run that ended this way. {@code code}: null if unknown. */
		Outcome outcome(final Integer code) {
			if (foreign != null) return Outcome.failed(Outcome.SCRIPT_ERROR, foreignExit(), line, null);
			if (code != null) return Throwables.exitOutcome(code, null);
			return Outcome.failed(Outcome.SCRIPT_ERROR, "The script ended itself with an exit code that is not known.", line, null);
		}

		private String foreignExit() {
			final String said = ImageJ.lastErrorShown();
			return foreign + " ended FIJI before the script's end" + (said == null ? "." : ": " + said.trim().replaceAll("\\s*\n\\s*", " "));
		}
	}

	/** Frames between a script and what it calls. */
	private static final Pattern BETWEEN = Pattern.compile(
		"(java\\.lang\\.(reflect|invoke|Runtime|System|Shutdown|Class)|jdk\\.internal|sun\\.reflect|org\\.codehaus\\.groovy|groovy\\.lang" +
		"|org\\.apache\\.groovy|org\\.python|bsh|javax\\.script|jdk\\.nashorn|org\\.openjdk\\.nashorn|org\\.mozilla\\.javascript)\\b.*");

	/** Returns who ends the JVM while it shuts down; null for a signal, or if the runner itself ends it. */
	static Caller caller(final String scriptName, final Integer lastLine) {
		for (final StackTraceElement[] stack : Thread.getAllStackTraces().values()) {
			int at = 0;
			while (at < stack.length && !isExit(stack[at])) at++;
			if (at == stack.length) continue;
			while (at < stack.length && isExit(stack[at])) at++;
			return at == stack.length ? null : callerAt(stack, at, scriptName, lastLine);
		}
		return null;
	}

	private static boolean isExit(final StackTraceElement frame) {
		return frame.getMethodName().equals("exit") && frame.getClassName().matches("java\\.lang\\.(Shutdown|Runtime|System)");
	}

	private static Caller callerAt(final StackTraceElement[] stack, final int exit, final String scriptName,
		final Integer lastLine)
	{
		int at = exit;
		while (at < stack.length && !isScript(stack[at], scriptName) && BETWEEN.matcher(stack[at].getClassName()).matches()) at++;
		// A signal arrives through java.lang.Terminator, our own end through Exit.begin.
		if (at == stack.length || stack[at].getClassName().matches("java\\.lang\\.Terminator.*|distributedfiji\\.Exit.*")) return null;
		final StackTraceElement frame = stack[at];
		final boolean own = isScript(frame, scriptName) || frame.getClassName().matches("distributedfiji\\..*|org\\.scijava\\..*|ij\\.macro\\.Functions");
		final Integer line = new ScriptPlace(scriptName).line(stack);
		return new Caller(own ? null : frame.getClassName() + "." + frame.getMethodName(), line == null ? lastLine : line);
	}

	private static boolean isScript(final StackTraceElement frame, final String scriptName) {
		return scriptName.equals(frame.getFileName()) || frame.getClassName().startsWith("org.python.pycode.");
	}

	/** The code that was passed to System.exit; null if unknown. */
	static Integer status() {
		return status;
	}

	/**
	 * Starts watching for System.exit. Java 21 and later log its code. Before that, a security manager sees it. Java 17 to
	 * 20 print a warning about that, so there it is only used for a script that mentions it.
	 */
	static void watch(final String scriptText) {
		final int java = javaVersion();
		if (java >= 21) watchLog();
		else if (java < 17 || scriptText.matches("(?s).*(System|Runtime).*exit.*")) watchCalls();
	}

	private static int javaVersion() {
		final String version = System.getProperty("java.specification.version");
		return Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
	}

	private static void watchLog() {
		logger = Logger.getLogger("java.lang.Runtime");
		logger.setLevel(Level.FINE);
		logger.setUseParentHandlers(false);
		logger.addHandler(new Handler() {

			@Override
			public void publish(final LogRecord line) {
				final Matcher code = STATUS.matcher(line.getMessage());
				if (code.find()) status = Integer.valueOf(code.group(1));
			}

			@Override
			public void flush() {}

			@Override
			public void close() {}
		});
	}

	@SuppressWarnings({ "deprecation", "removal" })
	private static void watchCalls() {
		try {
			System.setSecurityManager(new SecurityManager() {

				@Override
				public void checkExit(final int code) {
					status = code;
				}

				@Override
				public void checkPermission(final java.security.Permission permission) {}
			});
		}
		catch (final UnsupportedOperationException | SecurityException notAllowed) {
			status = null;
		}
	}
}
