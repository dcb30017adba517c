package distributedfiji;

import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.scijava.Context;
import org.scijava.convert.ConvertService;
import org.scijava.module.Module;
import org.scijava.module.ModuleItem;
import org.scijava.module.ModuleService;
import org.scijava.module.process.AbstractPreprocessorPlugin;
import org.scijava.module.process.PreprocessorPlugin;
import org.scijava.plugin.PluginService;
import org.scijava.script.ScriptInfo;

/** Runs one script through SciJava and tells how it ended. */
public final class ScriptRun {

	/** Preprocessors that bring values of earlier runs, or ask a person who is not there. */
	private static final String NOT_WANTED =
		".*(LoadInputs|SaveInputs|CheckInputs|File|FileList)Preprocessor|.*InputHarvester";

	private final Context context;
	private final Console console;

	public ScriptRun(final Context context) {
		this.context = context;
		this.console = Console.install();
	}

	/**
	 * Runs a script.
	 *
	 * @param given values for its parameters; a name that the script does not declare is worth a warning
	 * @param offered values for those of its parameters that have these names
	 */
	public Outcome run(final File script, final Map<String, ?> given, final Map<String, ?> offered) {
		if (!script.isFile()) return Outcome.noScript("There is no script " + script + ".");
		final ScriptInfo info = new ScriptInfo(context, script);
		if (info.getLanguage() == null) return Outcome.noScript("No language for the script " + script.getName() + ".");
		final RecordedModule module = new RecordedModule(info, console);
		context.inject(module);
		final Outcome problem = assign(module, given, offered);
		return problem == null ? execute(module) : problem;
	}

	private Outcome assign(final RecordedModule module, final Map<String, ?> given, final Map<String, ?> offered) {
		final Set<String> unknown = new HashSet<>(given.keySet());
		final Values values = new Values(context.service(ConvertService.class));
		final Set<String> macroWords = module.isMacro() ? ImageJ.macroWords() : Collections.<String>emptySet();
		try {
			for (final ModuleItem<?> input : module.getInfo().inputs()) {
				final String name = input.getName();
				unknown.remove(name);
				if (!given.containsKey(name) && !offered.containsKey(name)) continue;
				if (macroWords.contains(name)) {
					return Outcome.wrongParameter("Parameter \"" + name +
						"\": a macro cannot have a variable of this name, it is a word of the macro language.");
				}
				module.setInput(name, values.fit(input, given.containsKey(name) ? given.get(name) : offered.get(name)));
				module.resolveInput(name);
			}
		}
		catch (final Values.Misfit misfit) {
			return Outcome.wrongParameter(misfit.getMessage());
		}
		for (final String name : unknown) {
			System.out.println("Warning: the script declares no parameter \"" + name + "\"; its value is not used.");
		}
		return null;
	}

	private Outcome execute(final RecordedModule module) {
		final MissingInputs missing = new MissingInputs();
		final List<PreprocessorPlugin> preprocessors = preprocessors();
		preprocessors.add(missing);
		try {
			context.service(ModuleService.class)
				.run(module, preprocessors, Collections.emptyList(), Collections.<String, Object>emptyMap()).get();
		}
		catch (final Exception | Error e) {
			if (module.thrown() == null) return Throwables.outcome(e, module.scriptName());
		}
		if (module.thrown() != null) return Throwables.outcome(module.thrown(), module.scriptName());
		if (missing.isCanceled()) return Outcome.missingParameter(missing.getCancelReason());
		for (final PreprocessorPlugin preprocessor : preprocessors) {
			if (preprocessor.isCanceled()) return cancelled(preprocessor);
		}
		return seenOnConsole();
	}

	/** Errors that ImageJ shows and then goes on as if nothing had been. */
	private Outcome seenOnConsole() {
		if (console.macroError() != null) return console.macroError().outcome();
		if (!console.sawOutOfMemory()) return Outcome.ok();
		return Outcome.failed(Outcome.OUT_OF_MEMORY, "ImageJ ran out of memory while the script ran.", null, null);
	}

	private static Outcome cancelled(final PreprocessorPlugin preprocessor) {
		final String reason = preprocessor.getCancelReason();
		final String message = reason == null ? preprocessor.getClass().getName() + " cancelled the script." : reason;
		return Outcome.failed(Outcome.CANCELLED, message, null, null);
	}

	private List<PreprocessorPlugin> preprocessors() {
		final List<PreprocessorPlugin> wanted = new ArrayList<>();
		for (final PreprocessorPlugin plugin : context.service(PluginService.class)
			.createInstancesOfType(PreprocessorPlugin.class))
		{
			if (!plugin.getClass().getName().matches(NOT_WANTED)) wanted.add(plugin);
		}
		return wanted;
	}

	/**
	 * Cancels a script that lacks a required value after all others have tried to fill it. SciJava would take 0 for a
	 * number that nobody gave; the unticked box and the first of the choices are taken, with a warning.
	 */
	private static final class MissingInputs extends AbstractPreprocessorPlugin {

		@Override
		public void process(final Module module) {
			for (final ModuleItem<?> input : module.getInfo().inputs()) {
				if (!input.isRequired() || module.isInputResolved(input.getName())) continue;
				final Object value = module.getInput(input.getName());
				if (value == null || isMadeUp(input, value)) {
					cancel("Parameter \"" + input.getName() + "\" has no value, and the script requires one.");
				}
				else if (input.getDefaultValue() == null && (value instanceof Boolean || value instanceof String)) {
					System.out.println("Warning: parameter \"" + input.getName() + "\" is not given; it is " + value + ".");
				}
			}
		}

		private static boolean isMadeUp(final ModuleItem<?> input, final Object value) {
			final boolean declared = input.getDefaultValue() != null || input.getMinimumValue() != null ||
				input.getChoices() != null && !input.getChoices().isEmpty();
			return value instanceof Number && !declared;
		}
	}
}
