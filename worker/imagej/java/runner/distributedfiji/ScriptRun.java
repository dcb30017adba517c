package distributedfiji;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;

import org.scijava.Context;
import org.scijava.convert.ConvertService;
import org.scijava.module.Module;
import org.scijava.module.ModuleService;
import org.scijava.module.process.AbstractPreprocessorPlugin;
import org.scijava.module.process.PreprocessorPlugin;
import org.scijava.plugin.PluginService;
import org.scijava.script.ScriptInfo;
import org.scijava.script.ScriptLanguage;
import org.scijava.script.ScriptService;

import distributedfiji.questions.Questions;
import distributedfiji.questions.Setup;

/** Runs one script through SciJava and reports how it ended. */
public final class ScriptRun {

	/** Preprocessors that restore values of earlier runs, make values up, or ask a person who is not there. */
	private static final String NOT_WANTED =
		".*(LoadInputs|SaveInputs|CheckInputs|DefaultValue|File|FileList)Preprocessor|.*InputHarvester";

	private final Context context;
	private final Incidents incidents = new Incidents();
	private Consumer<Outcome> onQuestion = outcome -> {};
	private Modules modules;

	public ScriptRun(final Context context) {
		this.context = context;
	}

	/** What to do when a window is open that only a person could close. */
	void onQuestion(final Consumer<Outcome> what) {
		onQuestion = what;
	}

	Incidents incidents() {
		return incidents;
	}

	/** Runs a script with values for its parameters, as the plain command line does. */
	public Outcome run(final File script, final Map<String, ?> given) {
		return run(new Job(script, given));
	}

	/** Runs a job's script. */
	Outcome run(final Job job) {
		if (!job.script.isFile()) return Outcome.noScript("There is no script " + job.script + ".");
		// FIJI knows it; SciJava alone does not.
		if (ImageJ.has("ij.ImagePlus")) context.service(ScriptService.class).addAlias(ij.ImagePlus.class);
		final ScriptInfo info = new ScriptInfo(context, job.script);
		if (info.getLanguage() == null) return Outcome.noScript(noLanguage(context, job.script.getName()));
		final ScriptPlace place = new ScriptPlace(RecordedModule.scriptName(info));
		final Swallowed swallowed = new Swallowed(incidents, place, job::scriptLine);
		final RecordedModule module = new RecordedModule(info, Console.install(swallowed), job.argument);
		modules = Modules.watch(context, incidents, place, module);
		ModalWindows.watch(swallowed, job.dialogSeconds, onQuestion);
		if (ImageJ.has("ij.IJ")) Questions.begin(setup(job, place));
		// A macro takes this one without asking.
		if (job.scriptText().contains("getArgument")) Questions.use("argument");
		context.inject(module);
		final Parameters parameters = new Parameters(module, context.service(ConvertService.class), incidents);
		Outcome problem = parameters.assign(job.parameters, Arrays.asList(job.answers, job.offered), job.scriptText());
		final boolean hasImages = problem == null && ImageJ.has("ij.IJ");
		final Object before = hasImages ? Images.count() : null;
		if (hasImages) problem = Images.openInFront(job);
		Outcome outcome = problem == null ? execute(module, parameters) : problem;
		if (hasImages && outcome.isOk()) outcome = Images.neverHadOne(job, before);
		if (!outcome.isOk() || !job.pluginErrorsFail) return outcome;
		return pluginError();
	}

	/** Sets up what answers the script's questions; a question without an answer ends the run. */
	private Setup setup(final Job job, final ScriptPlace place) {
		final Setup setup = new Setup(job.answers, job.parameters, job.offered("input_dir"), job.offered("output_dir"),
			job.takesDefaults);
		for (final Map<String, Object> question : job.questions) setup.seen(question);
		return setup.line(() -> place.line(new Throwable().getStackTrace())).warn(incidents::warning).fail((text, line) -> {
			onQuestion.accept(Outcome.failed(Outcome.QUESTION, text, line, null));
			Exit.stay();
		});
	}

	static String noLanguage(final Context context, final String name) {
		final TreeSet<String> endings = new TreeSet<>();
		for (final ScriptLanguage language : context.service(ScriptService.class).getLanguages()) {
			for (final String ending : language.getExtensions()) endings.add("." + ending);
		}
		return "This FIJI has no language for the script " + name + "; it runs " + String.join(", ", endings) + ".";
	}

	private Outcome pluginError() {
		final Incidents.Incident first = incidents.firstFailure();
		if (first == null) return Outcome.ok();
		return Outcome.failed(Outcome.PLUGIN_ERROR, first.text, first.line, first.trace);
	}

	private Outcome execute(final RecordedModule module, final Parameters parameters) {
		final MissingInputs missing = new MissingInputs(parameters);
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
		return seenOnConsole(module.console());
	}

	/** Errors that ImageJ shows and then ignores. */
	private static Outcome seenOnConsole(final Console console) {
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

	/** Cancels a script that lacks a required value after everything else has tried to fill it. */
	private static final class MissingInputs extends AbstractPreprocessorPlugin {

		private final Parameters parameters;

		MissingInputs(final Parameters parameters) {
			this.parameters = parameters;
		}

		@Override
		public void process(final Module module) {
			final String missing = parameters.fillOrTellMissing();
			if (missing != null) cancel(missing);
		}
	}
}
