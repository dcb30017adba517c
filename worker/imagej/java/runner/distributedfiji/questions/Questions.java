package distributedfiji.questions;

import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import distributedfiji.InputFolder;
import distributedfiji.Near;
import distributedfiji.Values;

/**
 * Answers what a script asks a person: from the job's answers, its metadata, its folders, and, if the job allows it,
 * from the values that a dialog shows. A question without an answer ends the run. There is one job per JVM.
 */
public final class Questions {

	/** How many different questions are reported. */
	private static final int KEPT = 200;
	/** No script asks a person yes or no this often; one that does is looping until it gets another answer. */
	private static final int PATIENCE = 1000;

	/** The answer that names what is open before the script starts. */
	private static final String OPEN_IMAGE = "open_image";

	private static volatile Questions current;

	private final Setup setup;
	private final List<Question> asked = new ArrayList<>();
	private final Map<String, Integer> counts = new HashMap<>();

	private boolean hasOpened;
	private volatile String lastFolder;

	private Questions(final Setup setup) {
		this.setup = setup;
	}

	/** Questions are answered from now on; before that, ImageJ's own code asks. */
	public static void begin(final Setup setup) {
		current = new Questions(setup);
	}

	static boolean isActive() {
		return current != null;
	}

	/** Returns the questions that were asked, and those only seen in the script, for the result. */
	public static List<Object> document() {
		final Questions now = current;
		return now == null ? Collections.emptyList() : now.all();
	}

	/** Returns a warning for each answer that nothing asked for. */
	public static List<String> unused() {
		final Questions now = current;
		return now == null ? Collections.<String>emptyList() : now.unusedAnswers();
	}

	/** Notes that the script used an answer in another way than by asking. */
	public static void use(final String key) {
		if (current != null) current.setup.answers.use(key);
	}

	/** Whether a key fits the name of a question in the script's text. */
	public static boolean mayAskFor(final String key) {
		if (current == null) return false;
		for (final Question seen : current.setup.seen) {
			for (final String name : seen.names()) {
				for (int way = Names.LABEL; way <= Names.SHORT; way++) if (Names.fits(way, key, name)) return true;
			}
		}
		return false;
	}

	/** Returns the job's folder that a parameter clearly means by its words, or null. It is reported like a question. */
	public static String folderOf(final String title, final String name) {
		final Questions now = current;
		return now == null ? null : now.placeOf(Question.FOLDER, name, now.setup.places.sureFolder(title));
	}

	/** Returns the job's only input if a parameter's words just mean any image, or null. */
	public static String fileOf(final String title, final String name) {
		final Questions now = current;
		return now == null ? null : now.placeOf(Question.FILE, name, now.setup.places.file(title));
	}

	private synchronized String placeOf(final String kind, final String name, final File place) {
		if (place == null) return null;
		final Question question = new Question(kind, "", name, null, null);
		question.answer(place.getAbsolutePath(), setup.places.isOutput(place) ? "output" : "input", null);
		note(question);
		return place.getAbsolutePath();
	}

	/**
	 * Returns the files that, by the job, a person would have opened before: what the answer {@code open_image} names,
	 * with the whole content of folders.
	 *
	 * @param meant opened if there is no such answer
	 * @throws IllegalArgumentException if the answer names something that does not exist
	 */
	public static List<File> toOpen(final List<File> meant) {
		final Questions now = current;
		return now == null ? Collections.<File>emptyList() : now.filesToOpen(meant);
	}

	/** Returns the folder that the script last got for a question, or null. */
	public static String lastFolder() {
		final Questions now = current;
		return now == null ? null : now.lastFolder;
	}

	/** Whether anything was opened before the script started. */
	public static boolean hasOpened() {
		final Questions now = current;
		return now != null && now.hasOpened;
	}

	private synchronized List<File> filesToOpen(final List<File> meant) {
		final Answers.Found found = setup.answers.whole(OPEN_IMAGE);
		final List<File> files = new ArrayList<>();
		final List<?> named = found == null ? meant
			: found.value instanceof List ? (List<?>) found.value : Collections.singletonList(found.value);
		for (final Object one : named) {
			final Question question = new Question(Question.FILE, "", OPEN_IMAGE, null, null);
			try {
				final String path = (String) setup.fitting.fit(question, one);
				question.answer(path, found == null ? "input" : found.by, found == null ? null : found.key);
				note(question);
				hasOpened = true;
				final File file = new File(path);
				if (file.isDirectory()) Collections.addAll(files, InputFolder.list(file));
				else files.add(file);
			}
			catch (final Fitting.Misfit misfit) {
				throw new IllegalArgumentException("The answer \"" + found.key + "\", " + Values.text(one) + ", " + misfit.getMessage());
			}
		}
		return files;
	}

	/** Answers one question, or ends the run. */
	static Object ask(final Question question) {
		askAll(Collections.singletonList(question));
		return question.answer;
	}

	/** Answers all questions of one dialog, or ends the run and names all that have no answer. */
	static void askAll(final List<Question> questions) {
		current.answerAll(questions);
	}

	private synchronized void answerAll(final List<Question> questions) {
		final Integer line = setup.line.get();
		final List<Question> others = new ArrayList<>(setup.seen);
		others.addAll(questions);
		final List<String> misfits = new ArrayList<>();
		boolean lacks = false;
		for (final Question question : questions) {
			question.line = line;
			number(question);
			try {
				answer(question, others);
				checkPatience(question);
			}
			catch (final Fitting.Misfit misfit) {
				misfits.add(misfit.getMessage());
			}
			lacks |= question.by == null;
			note(question);
		}
		if (lacks) fail(misfits.isEmpty() ? "The script asks what the job does not answer." : String.join(" ", misfits), line);
	}

	/** Counts windows that ask for a place: folder_1, folder_2, file_1. */
	private void number(final Question question) {
		if (!question.isPlace() || !question.dialog.isEmpty()) return;
		question.ordinal = question.kind + "_" + counts.merge(question.kind, 1, Integer::sum);
	}

	private void answer(final Question question, final List<Question> others) throws Fitting.Misfit {
		final Answers.Found found = setup.answers.find(question, others);
		if (found != null) take(question, found);
		else if (!placed(question) && setup.takesDefaults && hasDefault(question)) {
			question.answer(shown(question), "default", null);
			setup.warn.accept("\"" + question.name() + "\" has no answer; it is " + said(question) + ", as the dialog shows it" +
				" (UNANSWERED = 'defaults').", question.line);
		}
	}

	/** A loop that continues until a person says otherwise would never end. */
	private void checkPatience(final Question question) throws Fitting.Misfit {
		if (!question.isAgreement() || question.by == null || timesAsked(question) < PATIENCE) return;
		final String told = "\"" + question.name() + "\" was asked " + PATIENCE + " times and answered " + said(question) +
			" each time, so the script would never end: answer it with a list";
		question.answer(null, null, null);
		question.setTimes(PATIENCE);
		throw new Fitting.Misfit(told + ".");
	}

	private int timesAsked(final Question question) {
		for (final Question before : asked) if (before.isAgain(question)) return before.times();
		return 0;
	}

	private void take(final Question question, final Answers.Found found) throws Fitting.Misfit {
		final String which = "The answer to \"" + question.name() + "\"";
		if (found.isUsedUp) {
			throw new Fitting.Misfit(which + ", from " + found.by + " \"" + found.key + "\", is a list of " +
				((List<?>) found.value).size() + ", and the script asks once more.");
		}
		try {
			question.answer(setup.fitting.fit(question, found.value), found.by, found.key);
		}
		catch (final Fitting.Misfit misfit) {
			final String value = found.value instanceof String ? "\"" + found.value + "\"" : String.valueOf(found.value);
			throw new Fitting.Misfit(which + ", " + cut(value) + " (from " + found.by + " \"" + found.key + "\"), " +
				misfit.getMessage() + ".");
		}
	}

	/** Whether a question obviously means one of the job's folders. */
	private boolean placed(final Question question) {
		final String name = question.name();
		final Places places = setup.places;
		if (question.kind.equals(Question.FOLDER)) {
			final File folder = places.folder(question.label, question.line);
			if (folder == null) return false;
			question.answer(Fitting.withSeparator(folder), places.isInput(folder) ? "input" : "output", null);
		}
		else if (question.kind.equals(Question.FILE)) {
			final File file = places.file(name);
			if (file == null) return false;
			question.answer(file.getAbsolutePath(), "input", null);
		}
		else if (question.kind.equals(Question.SAVE)) {
			final File file = places.save((String) question.standard);
			if (file == null) return false;
			question.answer(file.getAbsolutePath(), "output", null);
		}
		return question.by != null;
	}

	/** A window that chooses a place shows the folder that a person used last, which is not one of the job's. */
	private static boolean hasDefault(final Question question) {
		return question.standard != null && !question.isPlace();
	}

	private static Object shown(final Question question) {
		return question.isAgreement() ? Boolean.TRUE : question.standard;
	}

	private static String said(final Question question) {
		return question.answer instanceof String ? "\"" + cut((String) question.answer) + "\"" : String.valueOf(question.answer);
	}

	private static String cut(final String text) {
		return text.length() > 200 ? text.substring(0, 200) + "…" : text;
	}

	private void note(final Question question) {
		if (question.kind.equals(Question.FOLDER) && question.by != null) lastFolder = (String) question.answer;
		for (final Question before : asked) {
			if (!before.isAgain(question)) continue;
			before.again();
			return;
		}
		if (asked.size() < KEPT) asked.add(question.copy());
		if (question.by == null) return;
		System.out.println("Asked: " + question.name() + ": " + said(question) + " (" + question.by + ")");
	}

	private void fail(final String message, final Integer line) {
		setup.fail.accept(message, line);
		throw new IllegalStateException(message);
	}

	private synchronized List<Object> all() {
		final List<Object> all = new ArrayList<>();
		for (final Question question : asked) all.add(relative(question));
		for (final Question seen : setup.seen) if (!isAsked(seen)) all.add(relative(foreseen(seen)));
		return all;
	}

	/** Paths below the working directory are given relative to it: where it is says nothing about the job. */
	private Map<String, Object> relative(final Question question) {
		final Map<String, Object> document = question.document();
		final String home = Fitting.withSeparator(setup.work);
		if (question.answer instanceof String && ((String) question.answer).startsWith(home)) {
			document.put("answer", ((String) question.answer).substring(home.length()));
		}
		return document;
	}

	private boolean isAsked(final Question seen) {
		for (final Question question : asked) {
			// A dialog may show "Start:" for the text's "Start".
			for (final String name : question.names()) if (Names.plain(name).equals(Names.plain(seen.name()))) return true;
		}
		return false;
	}

	/** What would answer a question that the script has not reached: the run is over. */
	private Question foreseen(final Question seen) {
		final String[] place = setup.answers.place(seen, setup.seen);
		if (place == null) placed(seen);
		else seen.answer(null, place[0], place[1]);
		return seen;
	}

	private List<String> unusedAnswers() {
		final List<String> warnings = new ArrayList<>();
		for (final String key : setup.answers.unused()) {
			warnings.add("No question asked for the answer \"" + key + "\"" + nearest(key));
		}
		return warnings;
	}

	private synchronized String nearest(final String key) {
		final List<String> names = new ArrayList<>();
		for (final Question question : asked) if (!"answers".equals(question.by)) names.add(question.name());
		final String near = Near.find(key, names);
		return near == null ? "." : "; did you mean \"" + near + "\"?";
	}
}
