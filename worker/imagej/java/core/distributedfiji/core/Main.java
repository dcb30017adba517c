package distributedfiji.core;

import java.awt.GraphicsEnvironment;
import java.io.File;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;

import org.scijava.Context;
import org.scijava.command.CommandInfo;
import org.scijava.command.CommandService;
import org.scijava.parse.Items;
import org.scijava.parse.ParseService;

import ij.ImageJ;

import distributedfiji.Outcome;
import distributedfiji.ScriptRun;

/**
 * FIJI's command line for headless scripts: {@code --headless --run SCRIPT_OR_COMMAND 'key="value", …'}.
 * Exit codes: 0 done, 1 the script failed, 2 misuse or no such script, 3 a value does not fit, 4 a value is missing.
 */
public final class Main {

	private static final List<String> IGNORED = Arrays.asList("--headless", "--ij2", "--console", "--");
	private static final String USAGE =
		"usage: ImageJ-linux64 [--mem=1200m] --headless --run SCRIPT_OR_COMMAND ['key=\"value\", …']";

	private Main() {}

	public static void main(final String[] arguments) throws Exception {
		final LinkedList<String> left = new LinkedList<>(Arrays.asList(arguments));
		left.removeAll(IGNORED);
		if (left.isEmpty() || !left.removeFirst().equals("--run") || left.isEmpty() || left.size() > 2) {
			System.err.println(USAGE);
			System.exit(2);
		}
		System.exit(run(left.removeFirst(), left.isEmpty() ? "" : left.removeFirst()));
	}

	private static int run(final String code, final String values) throws Exception {
		final Context context = new Context();
		// ImageJ opens tables and its log in windows only if it has its main window, shown or not.
		if (!GraphicsEnvironment.isHeadless()) new ImageJ(ImageJ.NO_SHOW);
		final Map<String, Object> given;
		try {
			given = parse(context, values);
		}
		catch (final IllegalArgumentException e) {
			System.err.println("Cannot read the parameters: " + e.getMessage());
			return 3;
		}
		final CommandInfo command = context.service(CommandService.class).getCommand(code);
		return command == null ? runScript(context, new File(code), given) : runCommand(context, command, given);
	}

	private static Map<String, Object> parse(final Context context, final String values) {
		final Map<String, Object> given = new LinkedHashMap<>();
		if (values.trim().isEmpty()) return given;
		final Items items = context.service(ParseService.class).parse(values, false);
		if (!items.isMap()) throw new IllegalArgumentException("key=value pairs are expected, not " + values);
		for (final Map.Entry<String, Object> item : items.asMap().entrySet()) given.put(item.getKey(), plain(item.getValue()));
		return given;
	}

	/** The parser does not resolve a bare word: it stands for itself. */
	private static Object plain(final Object value) {
		final boolean known = value == null || value instanceof Number || value instanceof Boolean;
		return known ? value : String.valueOf(value);
	}

	private static int runCommand(final Context context, final CommandInfo command, final Map<String, Object> given)
		throws InterruptedException
	{
		try {
			context.service(CommandService.class).run(command, true, given).get();
			return 0;
		}
		catch (final ExecutionException e) {
			e.printStackTrace();
			return 1;
		}
	}

	private static int runScript(final Context context, final File script, final Map<String, Object> given) {
		final Outcome outcome = new ScriptRun(context).run(script, given);
		if (outcome.kind != null) System.err.println(outcome.message);
		return outcome.code;
	}
}
