package distributedfiji;

import java.util.Collection;

/** Names that differ by a typing error. */
public final class Near {

	private Near() {}

	/** Returns the nearest of the names, if it is near enough to be the intended one, or null. */
	public static String find(final String name, final Collection<String> names) {
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

	/** How many letters must be inserted, deleted, changed, or swapped with their neighbor. */
	private static int distance(final String one, final String other) {
		final int[][] table = new int[one.length() + 1][other.length() + 1];
		for (int row = 0; row <= one.length(); row++) {
			for (int column = 0; column <= other.length(); column++) table[row][column] = step(table, one, other, row, column);
		}
		return table[one.length()][other.length()];
	}

	private static int step(final int[][] table, final String one, final String other, final int row, final int column) {
		if (row == 0 || column == 0) return row + column;
		final int change = one.charAt(row - 1) == other.charAt(column - 1) ? 0 : 1;
		int least = Math.min(table[row - 1][column - 1] + change, 1 + Math.min(table[row - 1][column], table[row][column - 1]));
		final boolean swapped = row > 1 && column > 1 && one.charAt(row - 1) == other.charAt(column - 2) &&
			one.charAt(row - 2) == other.charAt(column - 1);
		if (swapped) least = Math.min(least, table[row - 2][column - 2] + 1);
		return least;
	}
}
