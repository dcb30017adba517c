package distributedfiji;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.scijava.Context;

import distributedfiji.questions.Questions;

/** Answers for one job: a sign of life, and exactly one result, however the job ends. */
final class Report {

	static final String RUNNER_VERSION = "1.2";

	private static final int NAMED_FILES = 5;
	private static final int NAMED_WINDOWS = 20;
	/** What ij.IJ.selectWindow says (1.54p). If a macro's own words fail, its images are gone before it says so. */
	private static final String WINDOW = "(?is).*no window with the title.*";

	private final Job job;
	private final Incidents incidents;
	private final Map<String, Object> versions = versions();
	private final long start = System.nanoTime();
	private boolean written;
	/** Given back to the heap when memory runs out, so that the result can still be written. */
	private byte[] reserve = new byte[4 << 20];

	Report(final Job job, final Incidents incidents) {
		this.job = job;
		this.incidents = incidents;
	}

	void writeAlive(final Map<String, Object> document) throws IOException {
		job.writeAlive(document);
	}

	/** Writes the result, unless one has been written. */
	synchronized void write(final Outcome outcome) {
		if (written) return;
		written = true;
		final Map<String, Object> document = outcome.document();
		if (outcome.statement == null) document.put("statement", job.scriptLine(outcome.line));
		for (final String unused : Questions.unused()) incidents.warning(unused, null);
		document.put("questions", Questions.document());
		document.put("input_files", inputFiles());
		if (outcome.isOk() && ImageJ.has("ij.text.TextWindow")) document.put("open_tables", openTables());
		if (!outcome.isOk() && outcome.message.matches(WINDOW)) document.put("windows", windows());
		document.put("warnings", incidents.document(outcome.message));
		document.put("hints", hints());
		document.put("imagej_error", ImageJ.lastError());
		document.put("seconds", Math.round((System.nanoTime() - start) / 1e6) / 1e3);
		document.put("versions", versions);
		try {
			job.writeResult(document);
		}
		catch (final IOException e) {
			System.err.println("The result of the job cannot be written: " + e);
		}
	}

	/** File names in the job's input/, for a script that asks for one of them, or finds none of those it wants. */
	private List<String> inputFiles() {
		final String input = job.offered("input_dir");
		return Arrays.stream(InputFolder.list(input == null ? null : new File(input))).limit(NAMED_FILES).map(File::getName)
			.collect(Collectors.toList());
	}

	/** Tables that are open at the end; problems with them are not the script's fault. */
	private List<Object> openTables() {
		try {
			return OpenTables.keep(job.tables);
		}
		catch (final RuntimeException | LinkageError otherImageJ) {
			if (job.tables == null) System.err.println("Tables that are open cannot be listed: " + otherImageJ);
			else incidents.warning("The tables that the script left open could not be saved: " + otherImageJ, null);
			return new ArrayList<>();
		}
	}

	private static List<String> windows() {
		return ImageJ.titles().stream().limit(NAMED_WINDOWS).collect(Collectors.toList());
	}

	/** Possible causes of a failure, or of missing outputs. */
	private List<Object> hints() {
		final List<Object> hints = new ArrayList<>();
		if (job.argument.isEmpty() && job.scriptText().contains("getArgument")) hints.add("empty_argument");
		if (Questions.hasOpened()) hints.add("opened_image");
		final String input = job.offered("input_dir");
		if (input != null && !new File(input).isDirectory()) hints.add("no_input");
		return hints;
	}

	/** Covers the ends that bypass the end of the script: an exit of the JVM, and lack of memory in another thread. */
	void coverOtherEnds() {
		Exit.watch(job.scriptText());
		Runtime.getRuntime().addShutdownHook(new Thread(() -> {
			final Exit.Caller caller = Exit.caller(job.script.getName(), incidents.lastLine());
			if (caller == null) return;
			write(caller.outcome(Exit.status()));
			Exit.haltAfter(Exit.GRACE_MS, Exit.status() == null ? 1 : Exit.status());
		}, "report"));
		Thread.setDefaultUncaughtExceptionHandler(this::uncaught);
	}

	private void uncaught(final Thread thread, final Throwable thrown) {
		if (Throwables.isOutOfMemory(thrown)) reserve = null;
		thrown.printStackTrace();
		final Integer line = Throwables.line(thrown, Throwables.trace(thrown), job.script.getName());
		if (Throwables.isOutOfMemory(thrown)) end(Throwables.outcome(thrown, job.script.getName()));
		else if (thread.getName().startsWith("AWT-")) {
			// FIJI's own windows: what a script does in them is for a person.
			incidents.warning("The thread \"" + thread.getName() + "\" threw " + Throwables.message(thrown), line);
		}
		else if (!(thrown instanceof ThreadDeath)) {
			incidents.failure("The thread \"" + thread.getName() + "\" threw " + Throwables.message(thrown), line,
				Throwables.trace(thrown));
		}
	}

	/** Writes the result and ends the JVM. */
	void end(final Outcome outcome) {
		reserve = null;
		write(outcome);
		final String where = outcome.line == null ? "" : ", line " + outcome.line;
		if (!outcome.isOk()) System.err.println("Job failed (" + outcome.kind + where + "): " + outcome.message);
		Exit.begin(outcome.isOk() ? 0 : 1);
	}

	static Map<String, Object> versions() {
		final Map<String, Object> versions = new LinkedHashMap<>();
		versions.put("runner", RUNNER_VERSION);
		versions.put("imagej", ImageJ.version());
		versions.put("scijava", Context.class.getPackage().getImplementationVersion());
		versions.put("java", System.getProperty("java.version"));
		return versions;
	}
}
