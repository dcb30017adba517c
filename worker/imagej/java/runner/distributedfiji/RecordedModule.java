package distributedfiji;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

import javax.script.ScriptEngine;

import org.scijava.script.ScriptInfo;
import org.scijava.script.ScriptModule;

/** A script module that keeps what its script threw: ScriptModule itself logs every Throwable and continues. */
final class RecordedModule extends ScriptModule {

	private final Console console;
	private final String argument;
	private volatile Throwable thrown;
	private volatile Thread thread;
	private ScriptEngine engine;

	RecordedModule(final ScriptInfo info, final Console console, final String argument) {
		super(info);
		this.argument = argument;
		this.console = console;
	}

	/** What the script threw, or null. */
	Throwable thrown() {
		return thrown;
	}

	/** The thread on which the script runs, or null before it does. */
	Thread thread() {
		return thread;
	}

	Console console() {
		return console;
	}

	boolean isMacro() {
		return getInfo().getLanguage().getLanguageName().contains("Macro");
	}

	@Override
	public ScriptEngine getEngine() {
		if (engine == null) {
			Jython.prepare(getInfo().getProcessedScript());
			final ScriptEngine plain = super.getEngine();
			engine = (ScriptEngine) Proxy.newProxyInstance(getClass().getClassLoader(),
				new Class<?>[] { ScriptEngine.class }, (proxy, method, arguments) -> call(plain, method, arguments));
		}
		return engine;
	}

	private Object call(final ScriptEngine plain, final Method method, final Object[] arguments) throws Throwable {
		try {
			if (method.getName().equals("put") && ScriptEngine.FILENAME.equals(arguments[0])) {
				plain.put(ScriptEngine.FILENAME, scriptName());
				return null;
			}
			if (!method.getName().equals("eval")) return invoke(plain, method, arguments);
			thread = Thread.currentThread();
			if (!isMacro()) return invoke(plain, method, arguments);
			arguments[0] = MacroWatch.PREFIX + arguments[0];
			return MacroWatch.run(() -> invokeChecked(plain, method, arguments), console, argument);
		}
		catch (final Throwable t) {
			if (method.getName().equals("eval")) thrown = t;
			throw t;
		}
	}

	/**
	 * The script's name without its folder. Groovy makes a class of it, which hides a parameter with that name.
	 */
	static String scriptName(final ScriptInfo info) {
		final String name = new File(info.getPath()).getName();
		final String stem = name.replaceFirst("\\.[^.]*$", "");
		return info.getInput(stem) == null ? name : "Script_" + name;
	}

	String scriptName() {
		return scriptName(getInfo());
	}

	private static Object invoke(final ScriptEngine plain, final Method method, final Object[] arguments) throws Throwable {
		try {
			return method.invoke(plain, arguments);
		}
		catch (final InvocationTargetException e) {
			throw e.getCause();
		}
	}

	private static Object invokeChecked(final ScriptEngine plain, final Method method, final Object[] arguments)
		throws Exception
	{
		try {
			return invoke(plain, method, arguments);
		}
		catch (final Exception | Error e) {
			throw e;
		}
		catch (final Throwable other) {
			throw new IllegalStateException(other);
		}
	}
}
