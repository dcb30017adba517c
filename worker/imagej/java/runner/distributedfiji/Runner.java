package distributedfiji;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.File;
import java.nio.charset.StandardCharsets;

import org.scijava.Context;
import org.scijava.command.Command;
import org.scijava.plugin.Parameter;
import org.scijava.plugin.Plugin;

/**
 * Runs one job file and ends the JVM: {@code --headless --run distributedfiji.Runner 'job="/path/job.json"'}.
 * With job="-" it gets ready, then waits for the path of its one job on standard input.
 */
@Plugin(type = Command.class, headless = true)
public class Runner implements Command {

	@Parameter
	private Context context;

	@Parameter(persist = false)
	private String job;

	/** A script whose language to prepare while waiting. */
	@Parameter(persist = false, required = false)
	private String warm;

	/** Where to write a sign of life once ready, before there is a job. */
	@Parameter(persist = false, required = false)
	private String ready;

	@Override
	public void run() {
		try {
			final String path = "-".equals(job) ? waitForJob() : job;
			if (path == null) Exit.begin(0);
			else runJob(Job.read(path));
		}
		catch (final IOException | RuntimeException e) {
			System.err.println("The job cannot be read: " + e);
			Exit.begin(1);
		}
	}

	/** Returns the path of the job, or null when nobody will send one. */
	private String waitForJob() throws IOException {
		final Warmup warmup = new Warmup(context);
		if (warm != null && !warm.isEmpty()) warmup.warm(new File(warm));
		if (ready != null && !ready.isEmpty()) Means.write(context, ready);
		return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
	}

	private void runJob(final Job todo) throws IOException {
		final ScriptRun run = new ScriptRun(context);
		final Report report = new Report(todo, run.incidents());
		report.coverOtherEnds();
		run.onQuestion(report::end);
		report.end(run(run, context, todo, report));
	}

	private static Outcome run(final ScriptRun run, final Context context, final Job todo, final Report report)
		throws IOException
	{
		report.writeAlive(Means.of(context));
		LogWindow.follow();
		final Paths paths = new Paths(todo.paths, todo.hasBackslashes);
		Outcome problem = Tables.problem(todo.script);
		if (problem == null) problem = paths.install();
		if (problem != null) return problem;
		try {
			final Outcome outcome = run.run(todo);
			paths.warnOfUnused(run.incidents());
			return outcome;
		}
		catch (final RuntimeException | Error e) {
			return Throwables.outcome(e, todo.script.getName());
		}
	}

	/** Runs a job and leaves the JVM alive; returns whether the job ended well. Only for the class archive. */
	public static boolean rehearse(final Context context, final String path) {
		try {
			final Job todo = Job.read(path);
			final ScriptRun run = new ScriptRun(context);
			final Report report = new Report(todo, run.incidents());
			final Outcome outcome = run(run, context, todo, report);
			report.write(outcome);
			return outcome.isOk();
		}
		catch (final IOException e) {
			System.err.println("The job cannot be read: " + e);
			return false;
		}
	}
}
