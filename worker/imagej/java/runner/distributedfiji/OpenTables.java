package distributedfiji;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import ij.WindowManager;
import ij.measure.ResultsTable;
import ij.text.TextWindow;

/** Tables that a script leaves open for a person to read. In a job nobody does: they are named, and saved on request. */
final class OpenTables {

	/** How many folder levels below the working directory are searched for a saved table. */
	private static final int DEEP = 8;

	private OpenTables() {}

	/** Returns the title and rows of each for the result; saves them as TITLE.csv if a folder is given. */
	static List<Object> keep(final File folder) {
		final List<Object> told = new ArrayList<>();
		for (final Map.Entry<String, ResultsTable> open : all().entrySet()) {
			final Map<String, Object> one = new LinkedHashMap<>();
			one.put("title", open.getKey());
			one.put("rows", open.getValue().size());
			if (folder != null) save(open.getValue(), folder, open.getKey());
			told.add(one);
		}
		return told;
	}

	/** All tables with rows, by title. */
	private static Map<String, ResultsTable> all() {
		final Map<String, ResultsTable> open = new LinkedHashMap<>();
		final ResultsTable results = ResultsTable.getResultsTable();
		if (results != null && results.size() > 0) open.put("Results", results);
		for (final String title : WindowManager.getNonImageTitles()) {
			final Object window = WindowManager.getWindow(title);
			if (!(window instanceof TextWindow) || title.matches("Log|Console|Exception|Results")) continue;
			final ResultsTable table = ((TextWindow) window).getTextPanel().getOrCreateResultsTable();
			if (table != null && table.size() > 0 && !isSaved(title)) open.put(title, table);
		}
		return open;
	}

	/** A saved table has its file's name as its title, except for Results. */
	private static boolean isSaved(final String title) {
		if (!title.matches("(?i).*\\.(csv|txt|xls|tsv)")) return false;
		try (Stream<Path> files = Files.walk(Paths.get(""), DEEP)) {
			return files.anyMatch(file -> file.getFileName().toString().equals(title));
		}
		catch (final IOException | UncheckedIOException notAllowed) {
			return false;
		}
	}

	private static void save(final ResultsTable table, final File folder, final String title) {
		folder.mkdirs();
		final String name = title.replaceAll("(?i)\\.(csv|txt|xls|tsv)$", "").replaceAll("[/\\\\\\x00-\\x1f]", "_");
		final File file = new File(folder, name + ".csv");
		if (table.save(file.getPath())) System.out.println("Kept the table \"" + title + "\", which the script left open");
	}
}
