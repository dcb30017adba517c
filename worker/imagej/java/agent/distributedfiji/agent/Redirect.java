package distributedfiji.agent;

import java.util.Locale;

/**
 * Maps another machine's paths to a job's folders. Java's own way of reading a path calls {@link #lead} once
 * {@link Agent} has changed it, so this class uses only java.lang: the bootstrap loader looks it up.
 */
public final class Redirect {

	/** One folder: {@code from} has only forward slashes, and none at its end. */
	private static final class Way {

		private final String from;
		private final String to;
		/** A Windows folder: its names may be written with either slash, and in upper or lower case. */
		private final boolean isWindows;
		private volatile boolean isUsed;

		Way(final String from, final String to) {
			this.from = from;
			this.to = to;
			isWindows = isDrive(from) || from.startsWith("//");
		}

		String lead(final String path) {
			if (!path.regionMatches(isWindows, 0, from, 0, from.length())) return null;
			if (path.length() > from.length() && path.charAt(from.length()) != '/') return null;
			isUsed = true;
			return to + path.substring(from.length());
		}

		/** A script may ask Java for the path that it was led to, and append to it with Windows' slashes. */
		boolean isGoneOnFrom(final String path) {
			return isWindows && path.startsWith(to) && path.indexOf('\\', to.length()) >= 0
				&& "/\\".indexOf(path.charAt(to.length())) >= 0;
		}
	}

	private static volatile Way[] ways = {};
	private static volatile String work = "";
	/** The job's own folders, after which a path may use Windows' slashes; none if the script has no such paths. */
	private static volatile String[] tidied = {};

	private Redirect() {}

	/**
	 * Sets what leads where, the longest first.
	 *
	 * @param own the working directory, then the home folder. A Windows path is a relative one here: made absolute, it
	 *   begins with the first
	 * @param tidies whether paths below them may have Windows' slashes
	 */
	public static void set(final String[] from, final String[] to, final String[] own, final boolean tidies) {
		final Way[] set = new Way[from.length];
		for (int i = 0; i < set.length; i++) set[i] = new Way(from[i], to[i]);
		work = own[0] + "/";
		tidied = tidies ? new String[] { work, own[1] + "/" } : new String[0];
		ways = set;
	}

	/** Whether any path used the n-th mapping. */
	public static boolean isUsed(final int number) {
		return ways[number].isUsed;
	}

	/** Returns where a path leads, or the path itself, with this machine's slashes. */
	public static String lead(final String path) {
		if (path == null || path.length() < 2) return path;
		final String led = ways.length == 0 ? null : ledElsewhere(path);
		return led == null ? tidy(path) : led;
	}

	/** Returns a path in the job's own folders with forward slashes, any other as it is. */
	private static String tidy(final String path) {
		if (tidied.length == 0 || path.indexOf('\\') < 0) return path;
		for (final String folder : tidied) {
			if (path.startsWith(folder) || (path + "/").replace('\\', '/').startsWith(folder)) return withSingleSlashes(path.replace('\\', '/'));
		}
		// A relative path, such as output\a.csv.
		return path.startsWith("/") || isWindows(path) ? path : withSingleSlashes(path.replace('\\', '/'));
	}

	/** Returns where a path leads, or null if no mapping fits. */
	private static String ledElsewhere(final String path) {
		final String own = path.startsWith(work) ? path.substring(work.length()) : path;
		final String windows = isWindows(own) ? inSlashes(own) : null;
		final String plain = withSingleSlashes(path);
		for (final Way way : ways) {
			final String read = way.isWindows ? windows : plain;
			final String led = read == null ? null : way.lead(read);
			if (led != null) return led;
			if (way.isGoneOnFrom(path)) return withSingleSlashes(path.replace('\\', '/'));
		}
		return null;
	}

	/** A Windows path; the two slashes at the beginning of a share are kept. */
	private static String inSlashes(final String path) {
		return (isDrive(path) ? "" : "/") + withSingleSlashes(path.replace('\\', '/'));
	}

	private static String withSingleSlashes(final String path) {
		String single = path;
		while (single.indexOf("//") >= 0) single = single.replace("//", "/");
		return single;
	}

	private static boolean isWindows(final String path) {
		return isDrive(path) || path.startsWith("\\\\") || path.startsWith("//");
	}

	private static boolean isDrive(final String path) {
		if (path.length() < 2 || path.charAt(1) != ':') return false;
		final char letter = path.substring(0, 1).toLowerCase(Locale.ROOT).charAt(0);
		return letter >= 'a' && letter <= 'z' && (path.length() == 2 || path.charAt(2) == '/' || path.charAt(2) == '\\');
	}
}
