package distributedfiji.questions;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The windows in which ImageJ asks for one thing; ImageJ's classes call these methods instead of showing them. */
public final class Ask {

	/** What a person can press. */
	public static final int YES = 1;
	public static final int NO = 0;
	public static final int CANCEL = 2;

	private Ask() {}

	/** Returns a folder's path, with a separator at its end, or null if nothing can be asked. */
	public static String folder(final String title) {
		return place(Question.FOLDER, title, null);
	}

	/** Returns the path of a file to open, or null if nothing can be asked. */
	public static String file(final String title, final String proposed) {
		return place(Question.FILE, title, proposed);
	}

	/** Returns the path of a file to write, or null if nothing can be asked. */
	public static String save(final String title, final String proposed) {
		return place(Question.SAVE, title, proposed);
	}

	private static String place(final String kind, final String title, final String proposed) {
		return Questions.isActive() ? (String) Questions.ask(new Question(kind, "", title, proposed, null)) : null;
	}

	/** Returns YES, NO or CANCEL. */
	public static int yesNoCancel(final String title, final String text, final String yes, final String no) {
		if (!Questions.isActive()) return CANCEL;
		final List<String> buttons = new ArrayList<>(Arrays.asList(yes.trim(), no.trim(), "Cancel"));
		System.out.println(text);
		final Question question = new Question(Question.CONFIRM, title, inOneLine(text), true, buttons);
		final Object answer = Questions.ask(question);
		return Boolean.TRUE.equals(answer) ? YES : Boolean.FALSE.equals(answer) ? NO : CANCEL;
	}

	/** Prints what a person should do, and continues if the job allows it. */
	public static void pause(final String title, final String text) {
		System.out.println(title + ": " + text);
		if (Questions.isActive()) Questions.ask(new Question(Question.WAIT, title, inOneLine(text), true, null));
	}

	private static String inOneLine(final String text) {
		return text == null ? "" : text.trim().replaceAll("\\s+", " ");
	}
}
