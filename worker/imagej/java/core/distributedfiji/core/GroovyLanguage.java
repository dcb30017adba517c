package distributedfiji.core;

import org.codehaus.groovy.jsr223.GroovyScriptEngineFactory;
import org.scijava.script.AdaptedScriptLanguage;

/** Groovy through its own script engine, which is the one that FIJI uses. */
public final class GroovyLanguage extends AdaptedScriptLanguage {

	public GroovyLanguage() {
		super(new GroovyScriptEngineFactory());
	}
}
