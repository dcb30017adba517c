package distributedfiji;

import java.util.Collection;

/** Names that differ by a slip of the keyboard. */
final class Near {

	private Near() {}

	/** Returns that of the names which is nearest, if it is near enough to be meant, or null. */
	static String find(final String name, final Collection<String> names) {
		String nearest = null;
		int least = Math.min(2, name.length() / 3) + 1;
		for (final String other : names) {
			final int distance = distance(plain(name), plain(other));
			if (distance >= least) continue;
			nearest = other;
			least = distance;
		}
		return nearest;
	}

	private static String plain(final String name) {
		return name.toLowerCase(java.util.Locale.ROOT).replace("_", "");
	}

	/** Levenshtein's distance: how many letters are to be put in, taken out, or changed. */
	private static int distance(final String one, final String other) {
		int[] row = new int[other.length() + 1];
		for (int column = 0; column < row.length; column++) row[column] = column;
		for (int at = 1; at <= one.length(); at++) {
			final int[] next = new int[row.length];
			next[0] = at;
			for (int column = 1; column < row.length; column++) {
				final int change = row[column - 1] + (one.charAt(at - 1) == other.charAt(column - 1) ? 0 : 1);
				next[column] = Math.min(change, 1 + Math.min(row[column], next[column - 1]));
			}
			row = next;
		}
		return row[other.length()];
	}
}
