package distributedfiji;

import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.scijava.ItemVisibility;
import org.scijava.convert.ConvertService;
import org.scijava.module.ModuleItem;

import distributedfiji.questions.Questions;

/** Assigns a job's values to the parameters that its script declares, and says which do not fit or are missing. */
final class Parameters {

	private static final Pattern DECLARED =
		Pattern.compile("(?m)^#@\\s*(?!output\\b|script\\b|dependency|repository)([A-Za-z_][\\w.]*(?:\\[\\])?)\\s*(?:\\(.*\\))?\\s+([A-Za-z_]\\w*)\\s*$");

	private final RecordedModule module;
	private final Incidents incidents;
	private final ConvertService converter;
	private final Values values;
	private final Set<String> given = new HashSet<>();

	Parameters(final RecordedModule module, final ConvertService converter, final Incidents incidents) {
		this.module = module;
		this.incidents = incidents;
		this.converter = converter;
		values = new Values(converter);
	}

	/**
	 * Assigns the job's values and the script's declared defaults. Returns the failure, or null.
	 *
	 * @param job values that the script must take; a name that it does not declare causes a warning
	 * @param optional values for those of its parameters that have these names, best first
	 */
	Outcome assign(final Map<String, ?> job, final List<Map<String, Object>> optional, final String scriptText) {
		final Map<String, Object> offered = new HashMap<>();
		for (final Map<String, Object> source : optional) source.forEach(offered::putIfAbsent);
		final Outcome unknown = unknownTypes(scriptText);
		if (unknown != null) return unknown;
		final Set<String> macroWords = module.isMacro() ? ImageJ.macroWords() : Collections.<String>emptySet();
		final List<String> problems = new ArrayList<>();
		final Map<String, Object> all = new HashMap<>(offered);
		all.putAll(job);
		final File only = Images.onlyInput(module, all);
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			final String name = input.getName();
			if (!job.containsKey(name) && !offered.containsKey(name)) {
				if (only != null && Images.isImage(input)) assign(input, only.getPath(), problems);
				else if (input.getDefaultValue() != null) assignDefault(input);
				else assignPlace(input, problems);
			}
			else if (macroWords.contains(name)) {
				problems.add("Parameter \"" + name + "\": a macro cannot have a variable of this name, it is a word of the macro language.");
			}
			else assign(input, job.containsKey(name) ? job.get(name) : offered.get(name), problems);
		}
		warnOfUndeclared(job.keySet());
		return problems.isEmpty() ? null : Outcome.wrongParameter(String.join(" ", problems));
	}

	private void assign(final ModuleItem<?> input, final Object value, final List<String> problems) {
		try {
			give(input, Images.isImage(input) ? image(input, value) : values.fit(input, value));
			given.add(input.getName());
			Questions.use(input.getName());
		}
		catch (final Values.Misfit misfit) {
			problems.add(misfit.getMessage());
		}
	}

	/** A folder or file that a person would choose in FIJI's dialog means one of the job's own, as for a question. */
	private void assignPlace(final ModuleItem<?> input, final List<String> problems) {
		if (!input.isRequired() || input.getVisibility() == ItemVisibility.MESSAGE) return;
		final String title = ParameterPlace.title(input.getLabel(), input.getName());
		final String place = ParameterPlace.isFolder(input) ? Questions.folderOf(title, input.getName())
			: ParameterPlace.isFile(input) ? Questions.fileOf(title, input.getName()) : null;
		if (place != null) assign(input, place, problems);
	}

	private Object image(final ModuleItem<?> input, final Object value) throws Values.Misfit {
		final Object image = Images.open(String.valueOf(value), input, converter);
		if (image != null) return image;
		throw new Values.Misfit("Parameter \"" + input.getName() + "\": \"" + value + "\" cannot be opened as an image.");
	}

	/** SciJava itself ignores the default of a primitive type, as in {@code #@ int (value=3) n}. */
	private void assignDefault(final ModuleItem<?> input) {
		if (input.getDefaultValue() != null) give(input, input.getDefaultValue());
	}

	private void give(final ModuleItem<?> input, final Object value) {
		module.setInput(input.getName(), value);
		module.resolveInput(input.getName());
	}

	/** A type that SciJava does not know is dropped with its parameter: the script would fail where it uses the name. */
	private Outcome unknownTypes(final String scriptText) {
		final List<String> unknown = new ArrayList<>();
		final Matcher declared = DECLARED.matcher(scriptText);
		while (declared.find()) {
			final String name = declared.group(2);
			if (module.getInfo().getInput(name) != null || module.getInfo().getOutput(name) != null) continue;
			final String parameter = "#@ " + declared.group(1) + " " + name;
			final String rest = scriptText.substring(0, declared.start()) + scriptText.substring(declared.end());
			if (Pattern.compile("\\b" + name + "\\b").matcher(rest).find()) unknown.add(parameter);
			else incidents.warning("This FIJI does not know the type of " + parameter + ", which the script does not use.", null);
		}
		if (unknown.isEmpty()) return null;
		return Outcome.wrongParameter("This FIJI does not know the type of " + String.join(", ", unknown) + ".");
	}

	private void warnOfUndeclared(final Set<String> names) {
		final Set<String> open = new HashSet<>();
		final Set<String> declared = new HashSet<>();
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			declared.add(input.getName());
			if (!given.contains(input.getName())) open.add(input.getName());
		}
		for (final String name : names) {
			if (declared.contains(name) || Questions.mayAskFor(name)) continue;
			final String near = Near.find(name, open);
			final String text = "The script declares no parameter \"" + name + "\"; its value is not used";
			if (near != null) incidents.warning(text + ": did you mean \"" + near + "\"?", null);
			else System.out.println("Warning: " + text.substring(0, 1).toLowerCase() + text.substring(1) + ".");
		}
	}

	/**
	 * Fills what nothing else has filled but FIJI's own dialog would show filled: the unticked box, the first choice.
	 * A number that nobody gave is not made up. Returns everything that is missing, or null.
	 */
	String fillOrTellMissing() {
		final List<String> missing = new ArrayList<>();
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			final String name = input.getName();
			if (!input.isRequired() || module.isInputResolved(name) || input.getVisibility() == ItemVisibility.MESSAGE) continue;
			final Object value = likeTheDialog(input);
			if (value != null) {
				give(input, value);
				incidents.warning("Parameter \"" + name + "\" is not given; it is " + value + ".", null);
			}
			else if (module.getInput(name) == null || isNumber(input)) {
				missing.add("\"" + name + "\" (" + input.getType().getSimpleName() + ")");
			}
		}
		if (missing.isEmpty()) return null;
		return (missing.size() == 1 ? "Parameter " + missing.get(0) + " has no value, and the script requires one."
			: "Parameters " + String.join(", ", missing) + " have no values, and the script requires them.");
	}

	private static Object likeTheDialog(final ModuleItem<?> input) {
		final List<?> choices = input.getChoices();
		if (choices != null && !choices.isEmpty()) return choices.get(0);
		return input.getType() == Boolean.class || input.getType() == boolean.class ? Boolean.FALSE : null;
	}

	private static boolean isNumber(final ModuleItem<?> input) {
		return Number.class.isAssignableFrom(input.getType()) || input.getType().isPrimitive();
	}
}
