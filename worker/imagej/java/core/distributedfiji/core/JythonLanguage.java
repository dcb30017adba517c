package distributedfiji.core;

import org.python.core.PyNone;
import org.python.core.PyObject;
import org.scijava.script.AdaptedScriptLanguage;

/** Python through Jython's own script engine, which is the one that FIJI uses. */
public final class JythonLanguage extends AdaptedScriptLanguage {

	public JythonLanguage() {
		super(new org.python.jsr223.PyScriptEngineFactory());
	}

	@Override
	public Object decode(final Object value) {
		if (!(value instanceof PyObject)) return value;
		return value instanceof PyNone ? null : ((PyObject) value).__tojava__(Object.class);
	}
}
