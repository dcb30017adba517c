package distributedfiji.questions;

/** A field of a dialog, with what it asks. */
final class Field {

	/** Kinds of fields, each of which ImageJ reads in the order in which they were added. */
	enum Type {
		NUMBER, TEXT, CHECKBOX, CHOICE, RADIO, AREA
	}

	final Type type;
	final Question question;

	Field(final Type type, final Question question) {
		this.type = type;
		this.question = question;
	}

	/** The answer, or before there is one what the dialog shows; null where that is nothing. */
	Object value() {
		return question.by == null ? question.standard : question.answer;
	}
}
