package distributedfiji;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** ImageJ's classes by reflection. A SciJava without ImageJ has none of them: every answer may be null. */
final class ImageJ {

	private ImageJ() {}

	/** Returns the result of a public method without arguments, static or of an object, or null if there is none. */
	static Object call(final String className, final String method, final Object target) {
		try {
			return type(className).getMethod(method).invoke(target);
		}
		catch (final ReflectiveOperationException | LinkageError notThere) {
			return null;
		}
	}

	static Object call(final Object target, final String method) {
		return call(target.getClass().getName(), method, target);
	}

	static String version() {
		return (String) call("ij.IJ", "getVersion", null);
	}

	/** Returns the last message of IJ.error since the last call, or null: a script may have continued after it. */
	static String lastError() {
		return (String) call("ij.IJ", "getErrorMessage", null);
	}

	/** Returns the titles of the open images and text windows, also headless, in no particular order. */
	static List<String> titles() {
		final List<String> titles = new ArrayList<>();
		for (final String method : new String[] { "getImageTitles", "getNonImageTitles" }) {
			final Object some = call("ij.WindowManager", method, null);
			if (some instanceof String[]) titles.addAll(Arrays.asList((String[]) some));
		}
		return titles;
	}

	/** Returns the last message of IJ.error that nobody has asked for yet, or null; it stays. */
	static String lastErrorShown() {
		try {
			final Field field = type("ij.IJ").getDeclaredField("lastErrorMessage");
			field.setAccessible(true);
			return (String) field.get(null);
		}
		catch (final ReflectiveOperationException | LinkageError otherImageJ) {
			return null;
		}
	}

	/** Returns the words of the macro language, which cannot be variable names. */
	static Set<String> macroWords() {
		final Set<String> words = new HashSet<>();
		for (final String table : new String[] { "keywords", "functions", "numericFunctions", "stringFunctions",
			"arrayFunctions", "variableFunctions" })
		{
			try {
				for (final String word : (String[]) type("ij.macro.MacroConstants").getField(table).get(null)) words.add(word);
			}
			catch (final ReflectiveOperationException otherImageJ) {
				continue;
			}
		}
		return words;
	}

	static boolean has(final String className) {
		try {
			return type(className) != null;
		}
		catch (final ClassNotFoundException | LinkageError notThere) {
			return false;
		}
	}

	static boolean hasField(final String className, final String field) {
		try {
			return type(className).getField(field) != null;
		}
		catch (final ReflectiveOperationException | LinkageError notThere) {
			return false;
		}
	}

	static Class<?> type(final String name) throws ClassNotFoundException {
		return Class.forName(name, true, Thread.currentThread().getContextClassLoader());
	}
}
