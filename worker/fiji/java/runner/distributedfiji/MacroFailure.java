package distributedfiji;

/** Raised when a macro ended before its end: ImageJ itself only prints that. */
final class MacroFailure extends RuntimeException {

	private final String kind;
	private final Integer line;

	private MacroFailure(final String kind, final String message, final Integer line, final Throwable cause) {
		super(message, cause, false, false);
		this.kind = kind;
		this.line = line;
	}

	/** An error at a line of the macro, in ImageJ's words: they may run over several lines. */
	static MacroFailure of(final String words, final Integer line) {
		final String message = words.trim().replaceAll("\\s*\n\\s*", " ");
		final String kind = message.startsWith("out of memory") ? Outcome.OUT_OF_MEMORY : Outcome.MACRO_ERROR;
		return new MacroFailure(kind, withLine(message, line), line, null);
	}

	/** A macro that was stopped by what one of ImageJ's or Java's functions threw. */
	static MacroFailure of(final Throwable thrown, final Integer line) {
		final Outcome plain = Throwables.outcome(thrown, "");
		final String kind = plain.kind.equals(Outcome.SCRIPT_ERROR) ? Outcome.MACRO_ERROR : plain.kind;
		return new MacroFailure(kind, withLine(plain.message, line), line, thrown);
	}

	private static String withLine(final String message, final Integer line) {
		return line == null ? message : message + " in line " + line;
	}

	Outcome outcome() {
		return Outcome.failed(kind, getMessage(), line, getCause() == null ? null : Throwables.trace(getCause()));
	}
}
