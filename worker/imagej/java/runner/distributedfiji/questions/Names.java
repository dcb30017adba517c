package distributedfiji.questions;

import java.text.Normalizer;
import java.util.Locale;

/** How a key of the job names a question: by its label, by the label's letters and digits, or by its short form. */
final class Names {

	static final int LABEL = 0;
	static final int PLAIN = 1;
	static final int SHORT = 2;

	private Names() {}

	/** Whether a key is a question's name, read in one of the three ways. */
	static boolean fits(final int way, final String key, final String name) {
		if (way == LABEL) return key.equals(name);
		final String wanted = way == PLAIN ? plain(name) : brief(name);
		return !wanted.isEmpty() && wanted.equals(plain(key));
	}

	/** "Sigma (pixels):" becomes "sigma_pixels". */
	static String plain(final String name) {
		return Normalizer.normalize(name, Normalizer.Form.NFC).toLowerCase(Locale.ROOT)
			.replaceAll("[^\\p{L}\\p{N}]+", "_").replaceAll("^_+|_+$", "");
	}

	/** "Sigma (pixels):" becomes "sigma": without the part in brackets. */
	static String brief(final String name) {
		return plain(name.replaceAll("\\([^()]*\\)|\\[[^\\[\\]]*\\]", " "));
	}
}
