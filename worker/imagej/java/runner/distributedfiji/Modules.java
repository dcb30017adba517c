package distributedfiji;

import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.scijava.Context;
import org.scijava.event.EventHandler;
import org.scijava.event.EventService;
import org.scijava.log.LogLevel;
import org.scijava.log.LogListener;
import org.scijava.log.LogMessage;
import org.scijava.log.LogService;
import org.scijava.module.Module;
import org.scijava.module.event.ModuleCanceledEvent;
import org.scijava.module.event.ModuleErroredEvent;
import org.scijava.module.event.ModuleExecutedEvent;
import org.scijava.module.event.ModuleExecutingEvent;

/**
 * Notes what becomes of the commands, scripts and macros that a script runs, those in FIJI's menus too. A SciJava command
 * that lacks a value, or gives up, is only canceled, what a script in a menu throws is only logged, and a macro may end
 * itself: the script that runs them goes on as if they had done their work (scijava-common 2.99, ModuleRunner#run,
 * ScriptModule#run).
 */
final class Modules implements LogListener {

	/** What org.scijava.module.process.CheckInputsPreprocessor says. */
	private static final Pattern UNSET = Pattern.compile("'(.*)' is required but unset\\.");

	private final Incidents incidents;
	private final ScriptPlace place;
	private final RecordedModule script;
	/** Those that run at this moment, the one that was called last first. */
	private final Deque<Module> running = new ConcurrentLinkedDeque<>();

	private Modules(final Incidents incidents, final ScriptPlace place, final RecordedModule script) {
		this.incidents = incidents;
		this.place = place;
		this.script = script;
	}

	/** Begins to watch; the result must be kept for as long, since the events' service does not. */
	static Modules watch(final Context context, final Incidents incidents, final ScriptPlace place,
		final RecordedModule script)
	{
		final Modules modules = new Modules(incidents, place, script);
		context.service(EventService.class).subscribe(modules);
		context.service(LogService.class).addLogListener(modules);
		MacroWatch.onExit(words -> incidents.failure("A macro that the script runs ended itself with exit(\"" + words + "\")",
			modules.line(), null));
		return modules;
	}

	@EventHandler
	void onEvent(final ModuleExecutingEvent event) {
		running.push(event.getModule());
	}

	@EventHandler
	void onEvent(final ModuleExecutedEvent event) {
		running.remove(event.getModule());
	}

	@EventHandler
	void onEvent(final ModuleCanceledEvent event) {
		final Module module = event.getModule();
		running.remove(module);
		if (isOurs(module)) return;
		incidents.failure("\"" + title(module) + "\" did not run to its end: " + why(event), line(), null);
	}

	/** What a command throws reaches a script that has called it itself; ImageJ's run() only shows it. */
	@EventHandler
	void onEvent(final ModuleErroredEvent event) {
		final Module module = event.getModule();
		running.remove(module);
		if (!isOurs(module) && isCalledByImageJ()) threw(module, event.getException());
	}

	private boolean isOurs(final Module module) {
		return module == script || module.getDelegateObject() instanceof Runner;
	}

	/** Whether a thread waits for a command that it has called by its name in ImageJ's menus. */
	private static boolean isCalledByImageJ() {
		return Thread.getAllStackTraces().values().stream().flatMap(Arrays::stream)
			.anyMatch(frame -> frame.getMethodName().equals("runLegacyCompatibleCommand"));
	}

	private static String why(final ModuleCanceledEvent event) {
		if (event.getReason() == null) return "it was canceled";
		final Matcher unset = UNSET.matcher(event.getReason());
		if (!unset.matches()) return event.getReason();
		return "it has no value for " + unset.group(1) + "; give it in the options: \"" + unset.group(1) + "=...\"";
	}

	@Override
	public void messageLogged(final LogMessage message) {
		final Throwable thrown = message.throwable();
		if (message.level() != LogLevel.ERROR || thrown == null || script.thrown() != null || !isOfScript()) return;
		threw(running.peek(), thrown);
	}

	private void threw(final Module module, final Throwable thrown) {
		final Outcome outcome = Throwables.outcome(thrown, "");
		final String name = module == null ? "A script of a menu" : "\"" + title(module) + "\"";
		incidents.failure(name + " threw " + outcome.message, line(), outcome.trace);
	}

	/** Whether the present thread logs what a script in a module has thrown. */
	private static boolean isOfScript() {
		for (final StackTraceElement frame : new Throwable().getStackTrace()) {
			final String type = frame.getClassName();
			if (!type.startsWith("org.scijava.log.") && !type.startsWith("distributedfiji.Modules")) {
				if (type.equals("org.scijava.script.ScriptModule")) return true;
				if (!type.startsWith("java.")) return false;
			}
		}
		return false;
	}

	private static String title(final Module module) {
		return module.getInfo().getTitle();
	}

	/** The line of the script that waits for the module, or null. */
	private Integer line() {
		final Thread thread = script.thread();
		return thread == null ? null : place.line(thread.getStackTrace());
	}
}
