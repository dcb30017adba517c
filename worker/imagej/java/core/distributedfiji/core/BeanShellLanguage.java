package distributedfiji.core;

import java.util.Collections;
import java.util.List;

import org.scijava.script.AdaptedScriptLanguage;

/** BeanShell through its own script engine, which is the one that FIJI uses. */
public final class BeanShellLanguage extends AdaptedScriptLanguage {

	public BeanShellLanguage() {
		super(new bsh.engine.BshScriptEngineFactory());
	}

	@Override
	public String getLanguageName() {
		return "BeanShell";
	}

	@Override
	public List<String> getExtensions() {
		return Collections.singletonList("bsh");
	}
}
