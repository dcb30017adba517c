package distributedfiji.questions;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A job's answers, and its metadata if that has a question's name. A list answers the same question in turn: its first
 * item the first time, its second item the second time.
 */
final class Answers {

	/** An answer by its key. {@code by}: "answers" or "metadata". */
	static final class Found {

		final String by;
		final String key;
		final Object value;
		/** A list with no items left. */
		final boolean isUsedUp;

		Found(final String by, final String key, final Object value, final boolean isUsedUp) {
			this.by = by;
			this.key = key;
			this.value = value;
			this.isUsedUp = isUsedUp;
		}
	}

	private final Map<String, Map<String, ?>> sources = new LinkedHashMap<>();
	private final Map<String, Integer> turns = new HashMap<>();
	private final Set<String> used = new HashSet<>();

	Answers(final Map<String, ?> answers, final Map<String, ?> metadata) {
		sources.put("answers", answers);
		sources.put("metadata", metadata);
	}

	/**
	 * Returns the answer to a question, or null.
	 *
	 * @param others what else the script asks: a short form that could mean two questions means neither
	 */
	Found find(final Question question, final Collection<Question> others) {
		final String[] place = place(question, others);
		return place == null ? null : take(place[0], place[1]);
	}

	/** Returns where the answer comes from, and its key, or null. */
	String[] place(final Question question, final Collection<Question> others) {
		for (final String by : sources.keySet()) {
			for (int way = Names.LABEL; way <= Names.SHORT; way++) {
				final String key = find(question, sources.get(by).keySet(), way, others);
				if (key != null) return new String[] { by, key };
			}
		}
		return null;
	}

	private static String find(final Question question, final Set<String> keys, final int way,
		final Collection<Question> others)
	{
		for (final String key : keys) {
			if (question.ordinal != null && way != Names.SHORT && Names.fits(way, key, question.ordinal)) return key;
			for (final String name : question.names()) {
				if (!Names.fits(way, key, name)) continue;
				if (way != Names.SHORT || !meansAnother(key, question, others)) return key;
			}
		}
		return null;
	}

	private static boolean meansAnother(final String key, final Question question, final Collection<Question> others) {
		for (final Question other : others) {
			for (final String name : other.names()) {
				if (Names.plain(name).equals(Names.plain(question.name()))) continue;
				if (Names.fits(Names.PLAIN, key, name) || Names.fits(Names.SHORT, key, name)) return true;
			}
		}
		return false;
	}

	/** Returns the answer with this name as it is, a list as one value; metadata with that name does not count. */
	Found whole(final String name) {
		for (final String key : sources.get("answers").keySet()) {
			if (!Names.fits(Names.PLAIN, key, name)) continue;
			use(key);
			return new Found("answers", key, sources.get("answers").get(key), false);
		}
		return null;
	}

	private Found take(final String by, final String key) {
		use(key);
		final Object value = sources.get(by).get(key);
		if (!(value instanceof List)) return new Found(by, key, value, false);
		final int turn = turns.merge(by + " " + key, 1, Integer::sum) - 1;
		final List<?> items = (List<?>) value;
		return turn < items.size() ? new Found(by, key, items.get(turn), false) : new Found(by, key, value, true);
	}

	/** Notes that something asked for an answer. */
	void use(final String key) {
		used.add(key);
	}

	/** Keys of the answers that nothing asked for. */
	List<String> unused() {
		final List<String> unused = new ArrayList<>(sources.get("answers").keySet());
		unused.removeAll(used);
		return unused;
	}
}
