package distributedfiji.questions;

/** A field of a dialog, with what it asks. */
final class Field {

	/** Kinds of fields. ImageJ reads each kind in the order in which its fields were added. */
	enum Type {
		NUMBER, TEXT, CHECKBOX, CHOICE, RADIO, AREA
	}

	final Type type;
	final Question question;
	/** False for a box that only matters to a person who sees the dialog. */
	final boolean isAsked;

	Field(final Type type, final Question question, final boolean isAsked) {
		this.type = type;
		this.question = question;
		this.isAsked = isAsked;
	}

	/** The answer, or, before there is one, the value that the dialog shows; null if it shows nothing. */
	Object value() {
		return question.by == null ? question.standard : question.answer;
	}
}
