package distributedfiji.questions;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One thing that a script asks a person, and how a job answered it. */
final class Question {

	/** A number, including that of a slider. */
	static final String NUMBER = "number";
	static final String TEXT = "text";
	static final String BOOLEAN = "boolean";
	static final String CHOICE = "choice";
	static final String FOLDER = "folder";
	static final String FILE = "file";
	/** A file to be written. */
	static final String SAVE = "save";
	/** Yes or no, continue or not: true is the button that a person would press to continue. */
	static final String CONFIRM = "confirm";
	/** A script that waits until a person has done something. */
	static final String WAIT = "wait";

	/** A longer text is not a name if there is another. */
	private static final int LONG = 60;

	final String kind;
	/** Title of the dialog, or empty. */
	final String dialog;
	/** The words at a field; for a window that asks one thing, its title or its text. */
	final String label;
	/** The value that the dialog shows, or null if it shows none. */
	final Object standard;
	/** The choices, or null. */
	final List<String> choices;
	/** Line of the script, or null. */
	Integer line;
	/** "folder_2" for the second folder that is asked for, or null. */
	String ordinal;
	Object answer;
	/** "answers", "metadata", "input", "output", "default", or null for a question that nothing answered. */
	String by;
	/** Key of the answers or of the metadata, or null. */
	String key;
	/** False if it was only seen in the script's text. */
	boolean met = true;
	private int times = 1;

	Question(final String kind, final String dialog, final String label, final Object standard,
		final List<String> choices)
	{
		this.kind = kind;
		this.dialog = dialog == null ? "" : dialog;
		this.label = label == null ? "" : label;
		this.standard = standard;
		this.choices = choices;
	}

	/** What it can be called, best first. */
	List<String> names() {
		final List<String> names = new ArrayList<>();
		if (!label.trim().isEmpty()) names.add(label);
		final boolean isAll = names.isEmpty() || isAgreement();
		if (isAll && !dialog.trim().isEmpty()) names.add(dialog);
		return names.isEmpty() && ordinal != null ? Collections.singletonList(ordinal) : names;
	}

	/** What messages call it, and what a job file may answer it by. */
	String name() {
		final List<String> names = names();
		if (names.isEmpty()) return "";
		final boolean isLong = names.size() > 1 && names.get(0).length() > LONG;
		return names.get(isLong ? 1 : 0).replaceFirst("[\\s:]+$", "");
	}

	boolean isPlace() {
		return kind.equals(FOLDER) || kind.equals(FILE) || kind.equals(SAVE);
	}

	/** Whether it only wants a person to continue. */
	boolean isAgreement() {
		return kind.equals(CONFIRM) || kind.equals(WAIT);
	}

	void answer(final Object given, final String from, final String itsKey) {
		answer = given;
		by = from;
		key = itsKey;
	}

	/** Returns a copy with the present answer: a dialog that is shown again asks its questions anew. */
	Question copy() {
		final Question copy = new Question(kind, dialog, label, standard, choices);
		copy.line = line;
		copy.ordinal = ordinal;
		copy.answer(answer, by, key);
		copy.times = times;
		return copy;
	}

	/** Whether another is the same question, answered the same way; then it is only counted. */
	boolean isAgain(final Question other) {
		return document(1).equals(other.document(1));
	}

	void again() {
		times++;
	}

	int times() {
		return times;
	}

	void setTimes(final int asked) {
		times = asked;
	}

	Map<String, Object> document() {
		return document(times);
	}

	private Map<String, Object> document(final int count) {
		final Map<String, Object> document = new LinkedHashMap<>();
		document.put("kind", kind);
		document.put("dialog", dialog);
		document.put("label", label);
		document.put("name", name());
		document.put("default", standard);
		document.put("choices", choices);
		document.put("line", line);
		document.put("times", count);
		document.put("answer", answer);
		document.put("by", by);
		document.put("key", key);
		document.put("met", met);
		return document;
	}
}
