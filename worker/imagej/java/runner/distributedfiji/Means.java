package distributedfiji;

import java.awt.GraphicsEnvironment;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

import org.scijava.Context;
import org.scijava.script.ScriptLanguage;
import org.scijava.script.ScriptService;

/** What this FIJI has to run a script with, as a sign of life reports it: versions, heap, display and languages. */
final class Means {

	private Means() {}

	static Map<String, Object> of(final Context context) {
		final Map<String, Object> document = new LinkedHashMap<>();
		document.put("versions", Report.versions());
		document.put("heap_mb", Runtime.getRuntime().maxMemory() >> 20);
		document.put("headless", GraphicsEnvironment.isHeadless());
		document.put("languages", languages(context));
		document.put("endings", endings(context));
		return document;
	}

	/** Writes the sign of life of a FIJI that has no job yet. */
	static void write(final Context context, final String path) throws IOException {
		Job.write(Paths.get(path), of(context));
	}

	/** Returns the file name endings of the scripts that this FIJI can run. */
	static Set<String> endings(final Context context) {
		final Set<String> endings = new TreeSet<>();
		for (final ScriptLanguage language : context.service(ScriptService.class).getLanguages())
			endings.addAll(language.getExtensions());
		return endings;
	}

	private static Set<String> languages(final Context context) {
		final Set<String> names = new TreeSet<>();
		for (final ScriptLanguage language : context.service(ScriptService.class).getLanguages())
			names.add(language.getLanguageName());
		return names;
	}
}
