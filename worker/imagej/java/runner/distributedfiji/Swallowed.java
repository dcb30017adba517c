package distributedfiji;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Sees the errors that ImageJ catches, prints, and then lets the script continue: a command that throws
 * (ij.Executer.run), IJ.handleException, IJ.error, a missing plugin. The code that printed a text tells such an error
 * from a script's own words: a trace that a script prints itself is not an error.
 */
final class Swallowed {

	private static final Pattern TRACE = Pattern.compile("\\n\\s*at [\\w.$/<>]+\\(");
	private static final Pattern OTHERS = Pattern.compile("^(Call error \\(|Plugin or class not found|Unable to load plugin)");
	private static final String NO_JAVASCRIPT = "Could not find JavaScript engine";
	private static final Pattern EXIT = Pattern.compile("\\beval\\s*\\(.*\\bSystem\\.exit\\(\\s*0?\\s*\\)");
	private static final String CANCELED = "Macro canceled";

	private final Incidents incidents;
	private final ScriptPlace place;
	/** The commands that are running now, callers first. */
	private final List<String> commands = Collections.synchronizedList(new ArrayList<String>());
	private volatile Throwable endOfMacro;
	private volatile String lastMessage;
	private volatile Integer lastMessageLine;

	private final Function<Integer, String> textOfLine;

	/** @param textOfLine returns the text of a line of the script, or null */
	Swallowed(final Incidents incidents, final ScriptPlace place, final Function<Integer, String> textOfLine) {
		this.incidents = incidents;
		this.place = place;
		this.textOfLine = textOfLine;
	}

	/** Starts listening to ImageJ, if it is there. */
	void install() {
		listen("ij.Executer", "addCommandListener", "ij.CommandListener", (proxy, method, arguments) -> {
			if (!method.getName().equals("commandExecuting")) return plain(proxy, method.getName(), arguments);
			begin((String) arguments[0]);
			return Harmless.isDoneHere((String) arguments[0]) ? null : arguments[0];
		});
		listen("ij.IJ", "setExceptionHandler", "ij.IJ$ExceptionHandler", (proxy, method, arguments) -> {
			if (!method.getName().equals("handle")) return plain(proxy, method.getName(), arguments);
			handled((Throwable) arguments[0]);
			return null;
		});
	}

	/** What ended the main macro if ImageJ runs it itself, as FIJI's engine does, or null. */
	Throwable endOfMacro() {
		return endOfMacro;
	}

	/** Looks at a text that is being printed on this thread. */
	void look(final String text) {
		final String error = ImageJ.lastErrorShown();
		final boolean isError = error != null && text.endsWith(error);
		if (!isError && !OTHERS.matcher(text).find() && !(text.indexOf('\n') > 0 && TRACE.matcher(text).find())) return;
		final StackTraceElement[] stack = new Throwable().getStackTrace();
		final int printer = printer(stack);
		if (printer < 0 || printer + 1 >= stack.length) return;
		if (isIn(stack[printer], "ij.IJ", "error")) shown(error, stack, isIn(stack[printer - 1], "ij.IJ", "log"));
		else if (isIn(stack[printer], "ij.Executer", "run")) threw(text, stack);
		else if (OTHERS.matcher(text).find() && stack[printer].getClassName().matches("ij\\.IJ|ij\\.macro\\.Functions")) {
			incidents.failure(firstLine(text), place.line(stack), null);
		}
	}

	/** Index of the frame that made ImageJ print: the first that is not ours, Java's, or IJ's way of printing. */
	private static int printer(final StackTraceElement[] stack) {
		int index = 0;
		while (index < stack.length && !stack[index].getClassName().startsWith("ij.")) index++;
		if (index == stack.length || !isPrinting(stack[index])) return -1;
		while (index < stack.length && isPrinting(stack[index])) index++;
		return index;
	}

	private static boolean isPrinting(final StackTraceElement frame) {
		return isIn(frame, "ij.IJ", "log") || isIn(frame, "ij.IJ", "showMessage");
	}

	private static boolean isIn(final StackTraceElement frame, final String type, final String method) {
		return frame.getClassName().equals(type) && frame.getMethodName().equals(method);
	}

	/** An error in ImageJ's own words. {@code redirected}: the script asked for it in the log. */
	void shown(final String error, final StackTraceElement[] stack, final boolean redirected) {
		final String text = error.trim().replaceAll("\\s*\n\\s*", " ");
		final Integer line = place.line(stack);
		if (text.equals(NO_JAVASCRIPT) && isExit(textOfLine.apply(line))) System.exit(0);
		// A script can catch what ends a command, and an opener's null; a macro can catch nothing.
		if (redirected || !has(stack, "ij.macro.Interpreter") && (reachesScript(stack) || has(stack, "ij.io.Opener"))) {
			incidents.warning("ImageJ said: " + text, line);
		}
		else incidents.failure("ImageJ said: " + text, line, null);
	}

	/** How macros end a command-line FIJI: eval("script", "System.exit(0);"). Java 15 and later lack the engine for it. */
	private static boolean isExit(final String line) {
		return line != null && EXIT.matcher(line).find();
	}

	private static boolean reachesScript(final StackTraceElement[] stack) {
		final Object batch = ImageJ.call("ij.macro.Interpreter", "isBatchMode", null);
		final boolean throwsLater = Boolean.TRUE.equals(batch) || ImageJ.call("ij.IJ", "getInstance", null) != null;
		return throwsLater && has(stack, "ij.Executer");
	}

	private static boolean has(final StackTraceElement[] stack, final String type) {
		for (final StackTraceElement frame : stack) if (frame.getClassName().equals(type)) return true;
		return false;
	}

	private static int depth(final StackTraceElement[] stack) {
		int depth = 0;
		for (final StackTraceElement frame : stack) if (isIn(frame, "ij.Executer", "run")) depth++;
		return depth;
	}

	private void begin(final String command) {
		final StackTraceElement[] stack = new Throwable().getStackTrace();
		incidents.at(place.line(stack));
		final int depth = Math.max(1, depth(stack));
		synchronized (commands) {
			while (commands.size() >= depth) commands.remove(commands.size() - 1);
			while (commands.size() < depth) commands.add(command);
		}
	}

	/** The command that is running in a stack, or null. */
	String command(final StackTraceElement[] stack) {
		final int depth = depth(stack);
		synchronized (commands) {
			return depth > 0 && depth <= commands.size() ? commands.get(depth - 1) : null;
		}
	}

	/** A command threw, and ImageJ printed its trace. */
	void threw(final String trace, final StackTraceElement[] stack) {
		final String command = command(stack);
		if (Harmless.isHarmless(command)) {
			Harmless.standInFor(command);
			return;
		}
		// "Image Sequence..." opens one, and "Image Sequence... " saves one: the space matters.
		final String name = command == null ? "a command" : "\"" + command + "\"";
		incidents.failure(name + " threw " + firstLine(trace), place.line(stack), trace);
	}

	/** A command threw, and ImageJ shows its trace in a separate window: the thread is no longer known. */
	void threwIntoWindow(final String shown) {
		final String trace = shown.replaceFirst("(?s)^ImageJ.*?\\n\\s*\\n", "");
		final String command = last();
		System.err.println(trace);
		if (Harmless.isHarmless(command)) return;
		incidents.failure("\"" + command + "\" threw " + firstLine(trace), MacroWatch.line(), trace);
	}

	private String last() {
		synchronized (commands) {
			return commands.isEmpty() ? "a command" : commands.get(commands.size() - 1).trim();
		}
	}

	/** A message that a window shows to a person: an error from ImageJ if IJ.error waits for that window. */
	void shownInWindow(final String text) {
		lastMessage = inOneLine(text);
		lastMessageLine = MacroWatch.line();
		final String error = ImageJ.lastErrorShown();
		if (error == null || !inOneLine(text).equals(inOneLine(error))) return;
		for (final StackTraceElement[] stack : Thread.getAllStackTraces().values()) {
			if (has(stack, "ij.gui.MessageDialog") && has(stack, "ij.IJ")) shown(error, stack, false);
		}
	}

	/** The macro ended itself with words that say it is done: its outputs show whether it is. */
	void endedWith(final String words, final Integer line) {
		incidents.warning("The macro ended itself with exit(\"" + words + "\"); what it was to save is judged as usual.", line);
	}

	/** What a window said at a line of the macro, as the ROI Manager does when it ends one; null if none did. */
	String messageAt(final Integer line) {
		return line != null && line.equals(lastMessageLine) && !lastMessage.isEmpty() ? lastMessage : null;
	}

	private static String inOneLine(final String text) {
		return text.trim().replaceAll("\\s+", " ");
	}

	/** ImageJ or a plugin caught something and passed it to IJ.handleException. */
	private void handled(final Throwable thrown) {
		if (CANCELED.equals(thrown.getMessage()) || thrown instanceof ThreadDeath) return;
		final Throwable cause = thrown instanceof java.lang.reflect.InvocationTargetException && thrown.getCause() != null
			? thrown.getCause() : thrown;
		System.err.print(Throwables.trace(cause));
		final StackTraceElement[] stack = new Throwable().getStackTrace();
		if (isMainMacro(stack)) endOfMacro = cause;
		else incidents.failure(inWhat(stack) + Throwables.message(cause), place.line(stack), Throwables.trace(cause));
	}

	private String inWhat(final StackTraceElement[] stack) {
		final String command = command(stack);
		return command == null ? "" : "\"" + command.trim() + "\" threw ";
	}

	private static boolean isMainMacro(final StackTraceElement[] stack) {
		int macros = 0;
		for (final StackTraceElement frame : stack) if (isIn(frame, "ij.plugin.Macro_Runner", "runMacro")) macros++;
		return macros == 1 && depth(stack) == 0 && !has(stack, "ij.macro.Functions") && MacroWatch.isRunning();
	}

	static String firstLine(final String trace) {
		return trace.trim().split("\n", 2)[0].trim();
	}

	private static void listen(final String owner, final String method, final String type, final InvocationHandler what) {
		try {
			final Class<?> listener = ImageJ.type(type);
			final Object proxy = Proxy.newProxyInstance(listener.getClassLoader(), new Class<?>[] { listener }, what);
			ImageJ.type(owner).getMethod(method, listener).invoke(null, proxy);
		}
		catch (final ReflectiveOperationException | LinkageError otherImageJ) {
			return;
		}
	}

	private static Object plain(final Object proxy, final String method, final Object[] arguments) {
		if (method.equals("hashCode")) return System.identityHashCode(proxy);
		return method.equals("equals") ? (Object) (proxy == arguments[0]) : "distributedfiji.Swallowed";
	}
}
