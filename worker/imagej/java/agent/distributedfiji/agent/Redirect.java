package distributedfiji.agent;

import java.util.Locale;

/**
 * Leads paths of another machine to a job's folders. Java's own way of reading a path calls {@link #lead} once
 * {@link Agent} has changed it, so this class knows nothing but java.lang: it is looked up by the bootstrap loader.
 */
public final class Redirect {

	/** One folder: {@code from} has slashes alone, and none at its end. */
	private static final class Way {

		private final String from;
		private final String to;
		/** Windows' own: its names may be written with either slash, and in upper or lower case. */
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

		/** A script may ask Java for the path that it was led to, and go on with Windows' own slashes. */
		boolean isGoneOnFrom(final String path) {
			return isWindows && path.startsWith(to) && path.indexOf('\\', to.length()) >= 0
				&& "/\\".indexOf(path.charAt(to.length())) >= 0;
		}
	}

	private static volatile Way[] ways = {};
	private static volatile String work = "";
	/** The job's own folders, in which a path may go on with Windows' slashes; none where the script has no such. */
	private static volatile String[] tidied = {};

	private Redirect() {}

	/**
	 * Sets what leads where, the longest first.
	 *
	 * @param own the working directory, then the home folder. A path of Windows is a relative one here: made absolute,
	 *   it begins with the first
	 * @param tidies whether paths below them may have Windows' slashes
	 */
	public static void set(final String[] from, final String[] to, final String[] own, final boolean tidies) {
		final Way[] set = new Way[from.length];
		for (int i = 0; i < set.length; i++) set[i] = new Way(from[i], to[i]);
		work = own[0] + "/";
		tidied = tidies ? new String[] { work, own[1] + "/" } : new String[0];
		ways = set;
	}

	/** Whether any path was led by the n-th way. */
	public static boolean isUsed(final int number) {
		return ways[number].isUsed;
	}

	/** Returns where a path leads, or the path itself, with the slashes of this machine. */
	public static String lead(final String path) {
		if (path == null || path.length() < 2) return path;
		final String led = ways.length == 0 ? null : ledElsewhere(path);
		return led == null ? tidy(path) : led;
	}

	/** Returns a path in the job's own folders with plain slashes, any other as it is. */
	private static String tidy(final String path) {
		if (tidied.length == 0 || path.indexOf('\\') < 0) return path;
		for (final String folder : tidied) {
			if (path.startsWith(folder) || (path + "/").replace('\\', '/').startsWith(folder)) return withSingleSlashes(path.replace('\\', '/'));
		}
		// A relative one, as output\a.csv.
		return path.startsWith("/") || isWindows(path) ? path : withSingleSlashes(path.replace('\\', '/'));
	}

	/** Returns where a path leads, or null where no way fits. */
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

	/** A path of Windows, a share's two slashes at its beginning kept. */
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
