package distributedfiji;

import java.util.regex.Pattern;

/**
 * What a macro means by exit("message"). ImageJ shows the message and stops the macro, whatever it says: a person reads
 * it. exit("Finished") after the last image is how some end a macro that has done its work; exit("No images found") is an
 * error. Only words that say the first, and nothing else, are taken for it; what was to be saved must be there all the same.
 */
final class Goodbye {

	private static final Pattern DONE = Pattern.compile(
		"(?i)\\b(done|finished|completed?|ended|success(ful(ly)?)?|saved|processed|analy[sz]ed|all set|thank(s| you)|good ?bye|bye)\\b");
	private static final Pattern NOT_DONE = Pattern.compile(
		"(?i)n't\\b|\\?|\\b(no|not|none|nothing|never|without|cannot|unable|errors?|fail\\w*|missing|invalid|wrong|abort\\w*|cancel\\w*" +
			"|stop\\w*|quit\\w*|must|should|needs?|needed|requires?d?|only|please|choose|select|open|already|before|until|first" +
			"|too|empty|unknown|incomplete|unfinished|un\\w+ed|interrupt\\w*|skip\\w*|0|zero|problem\\w*|warning|sorry|but|if|unless)\\b");

	private Goodbye() {}

	/** Whether a message says that all is done, and nothing that speaks against it. */
	static boolean saysDone(final String message) {
		return DONE.matcher(message).find() && !NOT_DONE.matcher(message).find();
	}
}
