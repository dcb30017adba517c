package distributedfiji.questions;

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/** What a run needs to answer its script's questions. */
public final class Setup {

	final Answers answers;
	final Places places;
	final Fitting fitting;
	final File work;
	/** Whether a question without an answer takes the value that the dialog shows. */
	final boolean takesDefaults;
	/** Questions in the script's text. */
	final List<Question> seen = new ArrayList<>();
	Supplier<Integer> line = () -> null;
	BiConsumer<String, Integer> warn = (text, line) -> {};
	BiConsumer<String, Integer> fail = (text, line) -> {};

	/**
	 * @param answers the job's answers
	 * @param metadata its parameters, which also answer if they have a question's name
	 * @param input folder of its inputs, or null
	 * @param output folder of its outputs, or null
	 */
	public Setup(final Map<String, ?> answers, final Map<String, ?> metadata, final String input, final String output,
		final boolean takesDefaults)
	{
		this.answers = new Answers(answers, metadata);
		work = new File(System.getProperty("user.dir"));
		final File out = output == null ? new File(work, "output") : new File(output);
		places = new Places(input == null ? null : new File(input), out);
		fitting = new Fitting(work, out);
		this.takesDefaults = takesDefaults;
	}

	/** Adds a question from the script's text; all values but the kind may be null. */
	@SuppressWarnings("unchecked")
	public Setup seen(final Map<String, ?> document) {
		final Object choices = document.get("choices");
		final Question question = new Question(String.valueOf(document.get("kind")), (String) document.get("dialog"),
			(String) document.get("label"), document.get("default"), choices instanceof List ? (List<String>) choices : null);
		question.met = false;
		final Object line = document.get("line");
		question.line = line instanceof Number ? (Integer) ((Number) line).intValue() : null;
		seen.add(question);
		return this;
	}

	/** @param where returns the line of the script that the current thread has reached, or null */
	public Setup line(final Supplier<Integer> where) {
		line = where;
		return this;
	}

	/** @param what is called with values that were made up */
	public Setup warn(final BiConsumer<String, Integer> what) {
		warn = what;
		return this;
	}

	/** @param what ends the run, with a sentence and the script's line; it does not return if it can avoid it */
	public Setup fail(final BiConsumer<String, Integer> what) {
		fail = what;
		return this;
	}
}
