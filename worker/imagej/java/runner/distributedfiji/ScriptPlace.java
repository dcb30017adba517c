package distributedfiji;

/** Where in its script a thread is. */
final class ScriptPlace {

	private final String scriptName;

	ScriptPlace(final String scriptName) {
		this.scriptName = scriptName;
	}

	/**
	 * Line of the script, counted from 1, or null: of the macro that runs, or of a frame that lies in the script.
	 *
	 * @param stack that of the current thread
	 */
	Integer line(final StackTraceElement[] stack) {
		for (final StackTraceElement frame : stack) {
			// What Java knows of a Jython frame's line is often that of a later one.
			if (frame.getClassName().startsWith("org.python.pycode.")) return Jython.line(scriptName);
			if (scriptName.equals(frame.getFileName()) && frame.getLineNumber() > 0) return frame.getLineNumber();
			if (frame.getClassName().equals("ij.macro.Interpreter") && MacroWatch.line() != null) return MacroWatch.line();
		}
		return null;
	}
}
