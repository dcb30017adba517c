package distributedfiji.questions;

import java.io.File;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

import distributedfiji.InputFolder;

/**
 * The places that a folder or file question means if the job does not say: by its title, then by the order in which
 * the script asks. Each place is given to only one title; further questions have no answer.
 */
final class Places {

	private static final Pattern SURELY_OUTPUT = word("outputs?|destination|dest|target|results?|export");
	private static final Pattern SURELY_INPUT = word("inputs?|source|raw");
	private static final Pattern OUTPUT = word("sav(e|ed|ing)|writ(e|ten|ing)|stor(e|ed|ing)|exported|exporting|put");
	private static final Pattern INPUT =
		word("images?|pictures?|open|load|read|process|analy[sz]e|stacks?|movies?|files?|data|from|containing|tiffs?|tifs?" +
			"|rois?|masks?|find");
	/** Words that do not say which file is meant. */
	private static final Pattern ANY_IMAGE = Pattern.compile(
		"(?i)(\\W|_|\\b(choose|select|pick|open|load|please|an?|the|your|any|one|to|for|be|process(ed)?|analy[sz]ed?|measured?" +
			"|input|source|raw|original|image|picture|stack|movie|file|tiff?|data|path)\\b)*");

	private final File input;
	private final File output;
	private final Map<String, File> folders = new HashMap<>();
	private String imageTitle;

	/** Either folder may be null: a job without inputs has no input/. */
	Places(final File input, final File output) {
		this.input = input;
		this.output = output;
	}

	private static Pattern word(final String words) {
		return Pattern.compile("(?i)(?<![a-z])(" + words + ")(?![a-z])");
	}

	/**
	 * Returns the folder that a title means, or null.
	 *
	 * @param line where the script asks, or null: an uninformative title means another folder in another line
	 */
	File folder(final String title, final Integer line) {
		final Boolean isOutput = isOutput(title);
		final String name = Names.plain(title) + (isOutput == null && line != null ? "@" + line : "");
		if (folders.containsKey(name)) return folders.get(name);
		File folder = Boolean.TRUE.equals(isOutput) ? output : input;
		// An uninformative title: the script asks for its inputs first.
		if (isOutput == null && folders.containsValue(input)) folder = output;
		if (folder == null || !folder.isDirectory() || folders.containsValue(folder)) return null;
		folders.put(name, folder);
		return folder;
	}

	/** Returns the folder that a title means by its own words, whatever was asked before, or null. */
	File sureFolder(final String title) {
		return isOutput(title) == null ? null : folder(title, null);
	}

	boolean isOutput(final File folder) {
		return folder.equals(output);
	}

	/** Whether a title means the output, or null if it does not say. */
	private static Boolean isOutput(final String title) {
		if (SURELY_OUTPUT.matcher(title).find()) return !SURELY_INPUT.matcher(title).find() ? Boolean.TRUE : null;
		if (SURELY_INPUT.matcher(title).find()) return false;
		if (OUTPUT.matcher(title).find()) return true;
		return INPUT.matcher(title).find() ? Boolean.FALSE : null;
	}

	boolean isInput(final File folder) {
		return folder.equals(input);
	}

	/** Returns the job's only input for the first title that means any image, or null. */
	File file(final String title) {
		final File only = InputFolder.only(input);
		if (only == null || !ANY_IMAGE.matcher(title).matches()) return null;
		if (imageTitle == null) imageTitle = Names.plain(title);
		return imageTitle.equals(Names.plain(title)) ? only : null;
	}

	/** Returns where to write a file whose name the script proposes, or null. */
	File save(final String proposed) {
		if (proposed == null || proposed.trim().isEmpty() || output == null) return null;
		return new File(output, new File(proposed).getName());
	}
}
