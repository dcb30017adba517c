package distributedfiji.core;

import java.util.Arrays;
import java.util.List;

import javax.script.ScriptEngine;

import org.scijava.script.AbstractScriptLanguage;

/** ImageJ's macro language, under the names that FIJI uses. */
public final class MacroLanguage extends AbstractScriptLanguage {

	@Override
	public String getLanguageName() {
		return "ImageJ Macro";
	}

	@Override
	public List<String> getNames() {
		return Arrays.asList("ImageJ Macro", "IJ1 Macro", "ijm");
	}

	@Override
	public List<String> getExtensions() {
		return Arrays.asList("ijm");
	}

	@Override
	public ScriptEngine getScriptEngine() {
		return new MacroEngine();
	}
}
