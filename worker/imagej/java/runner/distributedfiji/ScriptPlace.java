package distributedfiji;

/** Where in its script a thread is. */
final class ScriptPlace {

	private final String scriptName;

	ScriptPlace(final String scriptName) {
		this.scriptName = scriptName;
	}

	/**
	 * Line of the script, counted from 1, or null: of the running macro, or of a stack frame in the script.
	 *
	 * @param stack that of the current thread
	 */
	Integer line(final StackTraceElement[] stack) {
		for (final StackTraceElement frame : stack) {
			// Java's line for a Jython frame is often that of a later one.
			if (frame.getClassName().startsWith("org.python.pycode.")) return Jython.line(scriptName);
			if (scriptName.equals(frame.getFileName()) && frame.getLineNumber() > 0) return frame.getLineNumber();
			if (frame.getClassName().equals("ij.macro.Interpreter") && MacroWatch.line() != null) return MacroWatch.line();
		}
		return null;
	}
}
