package distributedfiji;

import org.scijava.Priority;
import org.scijava.module.Module;
import org.scijava.module.ModuleItem;
import org.scijava.module.process.AbstractPreprocessorPlugin;
import org.scijava.module.process.PreprocessorPlugin;
import org.scijava.plugin.Plugin;

/** Accepts the runner's own inputs as they are: a FIJI with a display would ask for the optional ones in a dialog. */
@Plugin(type = PreprocessorPlugin.class, priority = Priority.FIRST)
public class NoQuestions extends AbstractPreprocessorPlugin {

	@Override
	public void process(final Module module) {
		if (!Runner.class.getName().equals(module.getInfo().getDelegateClassName())) return;
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			if (!input.isRequired()) module.resolveInput(input.getName());
		}
	}
}
