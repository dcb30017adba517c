package distributedfiji;

import java.io.File;
import java.util.Arrays;

/** What is in a job's input/, but for names that begin with a dot, as macOS's "._a.tif" do. */
public final class InputFolder {

	private InputFolder() {}

	/** Returns what is there, by name; nothing where there is no folder. */
	public static File[] list(final File folder) {
		final File[] found = folder == null ? null : folder.listFiles((in, name) -> !name.startsWith("."));
		if (found == null) return new File[0];
		Arrays.sort(found);
		return found;
	}

	/** Returns the file that is all there is, or null. */
	public static File only(final File folder) {
		final File[] found = list(folder);
		return found.length == 1 && found[0].isFile() ? found[0] : null;
	}
}
