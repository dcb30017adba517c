package distributedfiji;

/** Raised when a macro stopped before its end: ImageJ itself only prints that. */
final class MacroFailure extends RuntimeException {

	private final String kind;
	private final Integer line;
	private final String statement;

	private MacroFailure(final String kind, final String message, final Integer line, final String statement,
		final Throwable cause)
	{
		super(message, cause, false, false);
		this.kind = kind;
		this.line = line;
		this.statement = statement;
	}

	/**
	 * An error at a line of the macro, in ImageJ's words, which may span several lines and end in a stack trace.
	 *
	 * @param statement the statement up to the word at which the macro stopped, or null
	 */
	static MacroFailure of(final String words, final Integer line, final String statement) {
		final String message = words.split("\n\\s+at ", 2)[0].trim().replaceAll("\\s*\n\\s*", " ");
		return new MacroFailure(kind(Throwables.kind(null, words)), message, line, statement, null);
	}

	/** A macro that was stopped by an exception from one of ImageJ's or Java's functions. */
	static MacroFailure of(final Throwable thrown, final Integer line, final String statement) {
		final Outcome plain = Throwables.outcome(thrown, "");
		return new MacroFailure(kind(plain.kind), plain.message, line, statement, thrown);
	}

	private static String kind(final String kind) {
		return kind.equals(Outcome.SCRIPT_ERROR) ? Outcome.MACRO_ERROR : kind;
	}

	Outcome outcome() {
		return Outcome.failed(kind, getMessage(), line, getCause() == null ? null : Throwables.trace(getCause()))
			.at(statement);
	}
}
