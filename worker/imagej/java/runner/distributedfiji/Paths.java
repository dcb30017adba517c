package distributedfiji;

import java.io.File;
import java.lang.instrument.ClassFileTransformer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

import distributedfiji.questions.Questions;

/** Maps the folders of another machine that a script names to the job's own. */
public final class Paths {

	private static final String AGENT = "distributedfiji.agent.Agent";

	private final List<String> from;
	private final Map<String, Object> leads;
	private final boolean hasBackslashes;
	private static volatile Class<?> redirect;

	/**
	 * @param leads where each folder leads, an absolute path; the folders have slashes, and none at the end
	 * @param hasBackslashes whether the script appends to the job's own folders with Windows' slashes
	 */
	Paths(final Map<String, Object> leads, final boolean hasBackslashes) {
		this.leads = leads;
		this.hasBackslashes = hasBackslashes;
		from = new ArrayList<>(leads.keySet());
		from.sort(Comparator.comparingInt(String::length).reversed());
	}

	/**
	 * Returns where a path given to ImageJ's opener leads, as Java itself would read it; a URL stays as it is. A bare name
	 * that is found nowhere else is looked for in the folder that the script asked for last: up to ImageJ 1.5x,
	 * getDirectory made that the folder from which open() starts, and scripts rely on it.
	 */
	public static String plain(final String path) {
		if (path == null || path.contains("://")) return path;
		final String led = led(path);
		if (new File(led).isAbsolute() || new File(led).exists()) return led;
		final String standard = (String) ImageJ.call("ij.io.OpenDialog", "getDefaultDirectory", null);
		final String asked = Questions.lastFolder();
		if (asked == null || standard != null && new File(standard, led).exists()) return led;
		final File there = new File(asked, led);
		return there.isFile() ? there.getPath() : led;
	}

	private static String led(final String path) {
		if (redirect == null) return path;
		try {
			return (String) redirect.getMethod("lead", String.class).invoke(null, path);
		}
		catch (final ReflectiveOperationException notHere) {
			return path;
		}
	}

	/** Starts mapping. Returns why that cannot be done here, or null. */
	Outcome install() {
		if (from.isEmpty() && !hasBackslashes) return null;
		try {
			final Class<?> agent = ClassLoader.getSystemClassLoader().loadClass(AGENT);
			final Object readers = Class.forName("distributedfiji.mend.Readers").getConstructor().newInstance();
			redirect = (Class<?>) agent.getMethod("changeReaders", ClassFileTransformer.class).invoke(null, readers);
			readers.getClass().getMethod("check").invoke(readers);
			final String[] to = from.stream().map(one -> String.valueOf(leads.get(one))).toArray(String[]::new);
			final String[] own = { System.getProperty("user.dir"), System.getProperty("user.home") };
			redirect.getMethod("set", String[].class, String[].class, String[].class, boolean.class)
				.invoke(null, from.toArray(new String[0]), to, own, hasBackslashes);
			return null;
		}
		catch (final ReflectiveOperationException | LinkageError notHere) {
			final Throwable cause = notHere.getCause() == null ? notHere : notHere.getCause();
			// The script may not need it: it may also know this machine's separator.
			if (from.isEmpty()) return null;
			return Outcome.wrongParameter("The job's \"paths\" cannot be led elsewhere in this FIJI (" + cause + ").");
		}
	}

	/** Warns of each folder in which the script looked for nothing: its name may be mistyped. */
	void warnOfUnused(final Incidents incidents) {
		for (int i = 0; redirect != null && i < from.size(); i++) {
			try {
				if (Boolean.TRUE.equals(redirect.getMethod("isUsed", int.class).invoke(null, i))) continue;
				incidents.warning("The script opened nothing below \"" + from.get(i) + "\", which the job's \"paths\" name.", null);
			}
			catch (final ReflectiveOperationException notHere) {
				return;
			}
		}
	}
}
