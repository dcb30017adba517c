package distributedfiji.core;

import java.util.Map;
import java.util.TreeMap;
import java.util.prefs.AbstractPreferences;
import java.util.prefs.Preferences;
import java.util.prefs.PreferencesFactory;

/** Preferences that end with the JVM: a job finds none from an earlier one, and no folder has to be writable. */
public final class NoPreferences implements PreferencesFactory {

	private static final Preferences ROOT = new Node(null, "");

	@Override
	public Preferences systemRoot() {
		return ROOT;
	}

	@Override
	public Preferences userRoot() {
		return ROOT;
	}

	private static final class Node extends AbstractPreferences {

		private final Map<String, String> values = new TreeMap<>();
		private final Map<String, Node> children = new TreeMap<>();

		Node(final Node parent, final String name) {
			super(parent, name);
		}

		@Override
		protected void putSpi(final String key, final String value) {
			values.put(key, value);
		}

		@Override
		protected String getSpi(final String key) {
			return values.get(key);
		}

		@Override
		protected void removeSpi(final String key) {
			values.remove(key);
		}

		@Override
		protected void removeNodeSpi() {
			if (parent() != null) ((Node) parent()).children.remove(name());
		}

		@Override
		protected String[] keysSpi() {
			return values.keySet().toArray(new String[0]);
		}

		@Override
		protected String[] childrenNamesSpi() {
			return children.keySet().toArray(new String[0]);
		}

		@Override
		protected AbstractPreferences childSpi(final String name) {
			return children.computeIfAbsent(name, missing -> new Node(this, missing));
		}

		@Override
		protected void syncSpi() {}

		@Override
		protected void flushSpi() {}
	}
}
