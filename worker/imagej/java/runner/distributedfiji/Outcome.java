package distributedfiji;

import java.util.LinkedHashMap;
import java.util.Map;

/** How a script's run ended. */
public final class Outcome {

	public static final String SCRIPT_ERROR = "script_error";
	public static final String MACRO_ERROR = "macro_error";
	public static final String OUT_OF_MEMORY = "out_of_memory";
	public static final String NEEDS_DISPLAY = "needs_display";
	public static final String PARAMETER = "parameter";
	public static final String CANCELLED = "cancelled";
	/** A plugin or command threw, or ImageJ showed an error, and the script continued. */
	public static final String PLUGIN_ERROR = "plugin_error";
	/** A dialog is open, and nobody can answer it. */
	public static final String QUESTION = "question";

	/** null for a script that ended well. */
	public final String kind;
	public final String message;
	/** Line of the script, counted from 1, or null if unknown. */
	public final Integer line;
	public final String trace;
	/** The words of the script where it failed, or null. */
	public final String statement;
	/** Exit code for the plain command line. */
	public final int code;

	private Outcome(final String kind, final String message, final Integer line, final String trace, final int code) {
		this(kind, message, line, trace, code, null);
	}

	private Outcome(final String kind, final String message, final Integer line, final String trace, final int code,
		final String statement)
	{
		this.kind = kind;
		this.message = message;
		this.line = line;
		this.trace = trace;
		this.code = code;
		this.statement = statement;
	}

	static Outcome ok() {
		return new Outcome(null, "The script ended well.", null, null, 0);
	}

	static Outcome failed(final String kind, final String message, final Integer line, final String trace) {
		return new Outcome(kind, message, line, trace, 1);
	}

	/** A script that cannot be started: the file is missing, or there is no language for it. */
	static Outcome noScript(final String message) {
		return new Outcome(SCRIPT_ERROR, message, null, null, 2);
	}

	static Outcome wrongParameter(final String message) {
		return new Outcome(PARAMETER, message, null, null, 3);
	}

	static Outcome missingParameter(final String message) {
		return new Outcome(PARAMETER, message, null, null, 4);
	}

	/** Returns this outcome with the words of the script where it came about. */
	Outcome at(final String words) {
		return words == null ? this : new Outcome(kind, message, line, trace, code, words);
	}

	boolean isOk() {
		return kind == null;
	}

	/** Returns the outcome in the form used in a job's result file. */
	Map<String, Object> document() {
		final Map<String, Object> document = new LinkedHashMap<>();
		document.put("ok", isOk());
		document.put("kind", kind);
		document.put("message", message);
		document.put("line", line);
		document.put("statement", statement);
		document.put("trace", trace);
		return document;
	}
}
