package distributedfiji;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a macro means by exit("message"). ImageJ shows any message and stops the macro; a person reads it.
 * exit("Finished") after the last image is how some macros end when their work is done; exit("No images found") is an
 * error. A message means the former only if every word of it is one of those below: there are too many ways to say
 * otherwise to list them. What was to be saved must still be there.
 */
final class Goodbye {

	private static final Set<String> DONE = words("done finished complete completed success successful successfully saved" +
		" processed analyzed analysed measured exported converted thanks thank bye goodbye");
	private static final Set<String> BESIDE = words("all everything the a an this your you is are was were has have been and" +
		" in to as with for now good set analysis processing batch macro script plugin program job task work measurement" +
		" measurements segmentation quantification conversion export image images file files folder folders directory" +
		" result results table tables data stack stacks slice slices roi rois output input new merged cropped mask masks" +
		" montage montages composite composites movie movies");

	/** A file or folder, such as "C:\out\", "/data/out/a.csv", "a.csv". */
	private static final Pattern PLACE = Pattern.compile("\\S*[/\\\\]\\S*[A-Za-z_]\\S*|\\S+\\.[A-Za-z]\\w{1,4}\\b");
	/** "Done (3/10)", "0 images processed". */
	private static final Pattern IN_PART = Pattern.compile("\\d\\s*/\\s*\\d|(?<![\\d.])0(?![\\d.])|[?%]");

	private Goodbye() {}

	/** Whether a message says only that everything is done. */
	static boolean saysDone(final String message) {
		if (IN_PART.matcher(message).find()) return false;
		boolean isDone = false;
		for (final String word : PLACE.matcher(message).replaceAll(" ").toLowerCase(Locale.ROOT).split("[\\s\\d\\p{Punct}]+")) {
			if (DONE.contains(word)) isDone = true;
			else if (!word.isEmpty() && !BESIDE.contains(word)) return false;
		}
		return isDone;
	}

	private static Set<String> words(final String list) {
		return new HashSet<>(Arrays.asList(list.split(" ")));
	}
}
