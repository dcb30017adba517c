package distributedfiji.questions;

/** A field of a dialog, with what it asks. */
final class Field {

	/** Kinds of fields, each of which ImageJ reads in the order in which they were added. */
	enum Type {
		NUMBER, TEXT, CHECKBOX, CHOICE, RADIO, AREA
	}

	final Type type;
	final Question question;
	/** False for a box that only matters to who looks at the dialog. */
	final boolean isAsked;

	Field(final Type type, final Question question, final boolean isAsked) {
		this.type = type;
		this.question = question;
		this.isAsked = isAsked;
	}

	/** The answer, or before there is one what the dialog shows; null where that is nothing. */
	Object value() {
		return question.by == null ? question.standard : question.answer;
	}
}
