package distributedfiji;

import java.io.File;
import java.util.Locale;
import java.util.regex.Pattern;

import org.scijava.module.ModuleItem;

/** Which parameters want a folder or a file, and the words that show whose. */
final class ParameterPlace {

	/** A text that is clearly a folder: a name such as output, inputDir or dest_folder. */
	private static final Pattern FOLDER_TEXT = Pattern.compile(
		"(input|output)|(input|output|in|out|source|src|dest|destination|target|save|results?) (dir|directory|folder|path)");

	private ParameterPlace() {}

	/** Label and name as words: "Choose SaveMask directory", "mask_dir" becomes "Choose Save Mask directory mask dir". */
	static String title(final String label, final String name) {
		return (label == null || label.isEmpty() ? "" : inWords(label) + " ") + inWords(name);
	}

	private static String inWords(final String text) {
		return text.replaceAll("(?<=\\p{Ll})(?=\\p{Lu})", " ").replace('_', ' ').trim()
			.replaceAll("(?i)\\bout(?=\\d| |$)", "output").replaceAll("(?i)\\bin(?= (dir|folder|path)\\b)", "input")
			.replaceAll("(?i)\\bsrc\\b", "source");
	}

	static boolean isFolder(final ModuleItem<?> input) {
		if (input.getType() == File.class) return "directory".equals(input.getWidgetStyle());
		final String name = input.getName().replaceAll("(?<=\\p{Ll})(?=\\p{Lu})", " ").replace('_', ' ');
		return input.getType() == String.class && input.getChoices().isEmpty() &&
			FOLDER_TEXT.matcher(name.toLowerCase(Locale.ROOT)).matches();
	}

	static boolean isFile(final ModuleItem<?> input) {
		final String style = input.getWidgetStyle();
		return input.getType() == File.class && (style == null || style.isEmpty() || style.matches("file|open"));
	}
}
