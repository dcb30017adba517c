package distributedfiji;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;

import org.scijava.Context;

/** Answers for one job: a sign of life, and exactly one result, whatever way the job ends. */
final class Report {

	static final String RUNNER_VERSION = "1.0";

	/** SciJava's own shutdown waits five seconds for the thread of the script that called System.exit. */
	private static final long GRACE_MS = 500;

	private final Job job;
	private final Map<String, Object> versions = versions();
	private final long start = System.nanoTime();
	private boolean written;
	/** Given back to the heap when memory has run out, so that the result can still be written. */
	private byte[] reserve = new byte[4 << 20];

	Report(final Job job) {
		this.job = job;
	}

	void writeAlive(final Map<String, Object> document) throws IOException {
		job.writeAlive(document);
	}

	/** Writes the result, if none is written. */
	synchronized void write(final Outcome outcome) {
		if (written) return;
		written = true;
		final Map<String, Object> document = outcome.document();
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

	/** Covers the ways out that do not pass the end of the script: System.exit, and memory lost in another thread. */
	void coverOtherEnds() throws IOException {
		Exit.watch(job.script.isFile() ? new String(Files.readAllBytes(job.script.toPath()), StandardCharsets.UTF_8) : "");
		Runtime.getRuntime().addShutdownHook(new Thread(() -> {
			final Integer code = Exit.status();
			if (code == null) return;
			write(Throwables.exitOutcome(code, null));
			Exit.haltAfter(GRACE_MS, code);
		}, "report"));
		Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
			reserve = null;
			thrown.printStackTrace();
			if (Throwables.isOutOfMemory(thrown)) end(Throwables.outcome(thrown, job.script.getName()));
		});
	}

	/** Writes the result and ends the JVM. */
	void end(final Outcome outcome) {
		reserve = null;
		write(outcome);
		if (!outcome.isOk()) System.err.println("Job failed (" + outcome.kind + "): " + outcome.message);
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
