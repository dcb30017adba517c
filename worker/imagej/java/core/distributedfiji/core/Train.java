package distributedfiji.core;

import java.io.File;

import org.scijava.Context;
import org.scijava.command.Command;
import org.scijava.plugin.Parameter;
import org.scijava.plugin.Plugin;

import distributedfiji.Runner;

/** Runs jobs so that their classes get into the class archive: once, when ImageJ core is installed. */
@Plugin(type = Command.class, headless = true)
public class Train implements Command {

	@Parameter
	private Context context;

	/** Paths of job files, joined like a class path. */
	@Parameter(persist = false)
	private String jobs;

	@Override
	public void run() {
		boolean ok = true;
		for (final String job : jobs.split(File.pathSeparator)) ok &= Runner.rehearse(context, job);
		// After Runtime.halt no archive would be written.
		System.exit(ok ? 0 : 1);
	}
}
