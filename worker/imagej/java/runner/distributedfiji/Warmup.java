package distributedfiji;

import java.io.File;

import javax.script.Compilable;
import javax.script.ScriptEngine;
import javax.script.ScriptException;

import org.scijava.Context;
import org.scijava.script.ScriptInfo;

/** Loads the language of a script that is likely to come, and reads its parameters; nothing in it is run. */
final class Warmup {

	private final Context context;

	Warmup(final Context context) {
		this.context = context;
	}

	void warm(final File script) {
		if (!script.isFile()) return;
		final ScriptInfo info = new ScriptInfo(context, script);
		if (info.getLanguage() == null) return;
		info.inputs();
		Jython.prepare(info.getProcessedScript());
		final ScriptEngine engine = info.getLanguage().getScriptEngine();
		try {
			engine.eval(info.getLanguage().getLanguageName().contains("Python") ? "from ij import IJ" : "");
			if (compiles(engine)) ((Compilable) engine).compile(info.getProcessedScript());
		}
		catch (final ScriptException | RuntimeException | Error notReady) {
			System.err.println("Not warmed up: " + notReady);
		}
	}

	/** BeanShell claims to compile, and throws an Error when asked to (bsh.engine.BshScriptEngine, 2.0b6). */
	private static boolean compiles(final ScriptEngine engine) {
		return engine instanceof Compilable && !engine.getClass().getName().startsWith("bsh.");
	}
}
