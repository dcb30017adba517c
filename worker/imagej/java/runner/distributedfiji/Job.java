package distributedfiji;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One job as job.json describes it, and the two files with which its runner answers. */
final class Job {

	final File script;
	/** Values that the script must take; a name that it does not declare causes a warning. */
	final Map<String, Object> parameters;
	/** Values that the script gets if it declares their names. */
	final Map<String, Object> offered;
	/** Whether an exception from a plugin fails the job although the script continues. */
	final boolean pluginErrorsFail;
	/** Answers to what the script asks a person. */
	final Map<String, Object> answers;
	/** Whether a question without an answer takes the value that its dialog shows. */
	final boolean takesDefaults;
	/** Questions in the script's text, in the form that the result uses. */
	final List<Map<String, Object>> questions;
	/** What a macro's getArgument() returns. */
	final String argument;
	/** Folders of another machine, and the job's own folders that they lead to. */
	final Map<String, Object> paths;
	/** Whether the script works on an image and opens none: the job's only input is opened for it. */
	final boolean opensInput;
	/** Whether the script goes through all open images: all of the job's are opened for it. */
	final boolean opensAll;
	/** Whether the script has done nothing if there was no image. */
	final boolean needsImages;
	/** Whether the script appends to a folder with Windows' own slashes. */
	final boolean hasBackslashes;
	/** Where to save tables that the script leaves open, or null if they are only named. */
	final File tables;
	/** Seconds that a modal window may stay open before the job ends. */
	final double dialogSeconds;
	private final Path alive;
	private final Path result;

	/** A script without a job: it reports to nobody. */
	Job(final File script, final Map<String, ?> parameters) {
		this.script = script;
		this.parameters = new LinkedHashMap<>(parameters);
		offered = Collections.emptyMap();
		answers = Collections.emptyMap();
		takesDefaults = false;
		questions = Collections.emptyList();
		pluginErrorsFail = true;
		argument = "";
		paths = Collections.emptyMap();
		opensInput = false;
		opensAll = false;
		needsImages = false;
		hasBackslashes = false;
		tables = null;
		dialogSeconds = 60;
		alive = null;
		result = null;
	}

	private Job(final Map<String, Object> document) {
		script = new File(text(document, "script"));
		parameters = values(document, "parameters");
		offered = values(document, "offered");
		answers = values(document, "answers");
		takesDefaults = "defaults".equals(document.get("unanswered"));
		questions = objects(document.get("questions"));
		pluginErrorsFail = !"warn".equals(document.get("plugin_errors"));
		argument = document.get("argument") == null ? "" : Values.text(document.get("argument"));
		paths = values(document, "paths");
		opensInput = Boolean.TRUE.equals(document.get("opens_input"));
		opensAll = Boolean.TRUE.equals(document.get("opens_all"));
		needsImages = Boolean.TRUE.equals(document.get("needs_images"));
		hasBackslashes = Boolean.TRUE.equals(document.get("backslashes"));
		tables = document.get("tables") instanceof String ? new File((String) document.get("tables")) : null;
		dialogSeconds = document.get("dialog_seconds") instanceof Number
			? ((Number) document.get("dialog_seconds")).doubleValue() : 60;
		alive = Paths.get(text(document, "alive"));
		result = Paths.get(text(document, "result"));
	}

	/** Reads a job file. Throws IllegalArgumentException if it is not a job. */
	@SuppressWarnings("unchecked")
	static Job read(final String path) throws IOException {
		final String text = new String(Files.readAllBytes(Paths.get(path)), StandardCharsets.UTF_8);
		final Object document = Json.read(text);
		if (!(document instanceof Map)) throw new IllegalArgumentException(path + " holds no job");
		return new Job((Map<String, Object>) document);
	}

	/** Returns the script's text, or an empty one if it cannot be read. */
	String scriptText() {
		try {
			return new String(Files.readAllBytes(script.toPath()), StandardCharsets.UTF_8);
		}
		catch (final IOException notThere) {
			return "";
		}
	}

	/** Returns a line of the script, counted from 1, or null. */
	String scriptLine(final Integer number) {
		final String[] lines = scriptText().split("\r?\n", -1);
		if (number == null || number < 1 || number > lines.length) return null;
		final String line = lines[number - 1].trim();
		return line.length() > 300 ? line.substring(0, 300) : line;
	}

	void writeAlive(final Map<String, Object> document) throws IOException {
		write(alive, document);
	}

	void writeResult(final Map<String, Object> document) throws IOException {
		write(result, document);
	}

	private static String text(final Map<String, Object> document, final String key) {
		if (document.get(key) instanceof String) return (String) document.get(key);
		throw new IllegalArgumentException("the job names no " + key);
	}

	@SuppressWarnings("unchecked")
	private static Map<String, Object> values(final Map<String, Object> document, final String key) {
		final Object values = document.get(key);
		if (values == null) return Collections.emptyMap();
		if (values instanceof Map) return (Map<String, Object>) values;
		throw new IllegalArgumentException("the job's " + key + " are no object");
	}

	@SuppressWarnings("unchecked")
	private static List<Map<String, Object>> objects(final Object list) {
		return list instanceof List ? (List<Map<String, Object>>) list : Collections.<Map<String, Object>>emptyList();
	}

	/** Returns a text that the worker offers to scripts, or null. */
	String offered(final String name) {
		return offered.get(name) instanceof String ? (String) offered.get(name) : null;
	}

	/** Writes to a temporary file beside the target and renames it: a reader waiting for the file never sees half of it. */
	static void write(final Path target, final Map<String, Object> document) throws IOException {
		final Path part = target.resolveSibling(target.getFileName() + ".part");
		Files.write(part, Json.write(document).getBytes(StandardCharsets.UTF_8));
		Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
	}
}
