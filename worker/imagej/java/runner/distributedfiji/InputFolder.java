package distributedfiji;

import java.io.File;
import java.util.Arrays;

/** The content of a job's input/, except for names that begin with a dot, as macOS's "._a.tif" do. */
public final class InputFolder {

	private InputFolder() {}

	/** Returns the content, sorted by name; nothing if there is no folder. */
	public static File[] list(final File folder) {
		final File[] found = folder == null ? null : folder.listFiles((in, name) -> !name.startsWith("."));
		if (found == null) return new File[0];
		Arrays.sort(found);
		return found;
	}

	/** Returns the only file, or null if there is not exactly one. */
	public static File only(final File folder) {
		final File[] found = list(folder);
		return found.length == 1 && found[0].isFile() ? found[0] : null;
	}
}
