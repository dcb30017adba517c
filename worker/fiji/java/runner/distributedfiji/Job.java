package distributedfiji;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.Map;

/** One job as job.json tells it, and the two files with which its runner answers. */
final class Job {

	final File script;
	/** Values that the script must take; a name it does not declare is worth a warning. */
	final Map<String, Object> parameters;
	/** Values that the script gets when it declares their names. */
	final Map<String, Object> offered;
	private final Path alive;
	private final Path result;

	private Job(final Map<String, Object> document) {
		script = new File(text(document, "script"));
		parameters = values(document, "parameters");
		offered = values(document, "offered");
		alive = Paths.get(text(document, "alive"));
		result = Paths.get(text(document, "result"));
	}

	/** Reads a job file. Throws IllegalArgumentException when it is no job. */
	@SuppressWarnings("unchecked")
	static Job read(final String path) throws IOException {
		final String text = new String(Files.readAllBytes(Paths.get(path)), StandardCharsets.UTF_8);
		final Object document = Json.read(text);
		if (!(document instanceof Map)) throw new IllegalArgumentException(path + " holds no job");
		return new Job((Map<String, Object>) document);
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

	/** Writes beside the target and renames: who waits for the file never reads half of it. */
	static void write(final Path target, final Map<String, Object> document) throws IOException {
		final Path part = target.resolveSibling(target.getFileName() + ".part");
		Files.write(part, Json.write(document).getBytes(StandardCharsets.UTF_8));
		Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
	}
}
