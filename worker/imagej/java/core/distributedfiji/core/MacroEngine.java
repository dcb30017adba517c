package distributedfiji.core;

import java.io.BufferedReader;
import java.io.File;
import java.io.Reader;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import javax.script.ScriptException;
import javax.script.SimpleBindings;

import org.scijava.script.AbstractScriptEngine;

import ij.Macro;
import ij.macro.Interpreter;

/** Runs a macro with its parameters as global variables; returns "[aborted]" if it was stopped, as ImageJ does. */
public final class MacroEngine extends AbstractScriptEngine {

	private static final Map<String, String> TEXTS = new ConcurrentHashMap<>();

	MacroEngine() {
		engineScopeBindings = new SimpleBindings();
	}

	/** Called by the macro for its text parameters, so that no text can break the quoting. */
	public static String text(final String name) {
		return TEXTS.get(name);
	}

	@Override
	public Object eval(final Reader reader) throws ScriptException {
		return eval(new BufferedReader(reader).lines().collect(Collectors.joining("\n")));
	}

	@Override
	public Object eval(final String macro) throws ScriptException {
		final Thread thread = Thread.currentThread();
		final String name = thread.getName();
		// ImageJ gives options to a command, and lets IJ.error stop a macro, only on a thread with such a name.
		thread.setName("Run$_" + name + "Macro$");
		try {
			return new Interpreter().run(declarations() + macro, "");
		}
		catch (final RuntimeException e) {
			if (Macro.MACRO_CANCELED.equals(e.getMessage())) return "[aborted]";
			throw new ScriptException(e);
		}
		finally {
			thread.setName(name);
		}
	}

	/** One line, so that the macro's line numbers do not change. */
	private String declarations() {
		final StringBuilder out = new StringBuilder();
		engineScopeBindings.forEach((name, value) -> {
			if (name.matches("[A-Za-z_][A-Za-z0-9_]*")) out.append(declaration(name, value));
		});
		return out.toString();
	}

	/** Objects that the macro language cannot hold are left out. */
	private static String declaration(final String name, final Object value) {
		if (value == null) return "var " + name + "; ";
		if (value instanceof Boolean) return "var " + name + " = " + value + "; ";
		final boolean isText = value instanceof String || value instanceof Character || value instanceof File;
		if (!isText && !(value instanceof Number)) return "";
		TEXTS.put(name, value instanceof File ? ((File) value).getAbsolutePath() : value.toString());
		final String text = "call(\"" + MacroEngine.class.getName() + ".text\", \"" + name + "\")";
		return "var " + name + " = " + (isText ? text : "parseFloat(" + text + ")") + "; ";
	}
}
