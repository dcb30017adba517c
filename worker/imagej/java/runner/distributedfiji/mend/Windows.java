package distributedfiji.mend;

import java.awt.datatransfer.Clipboard;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;

import ij.IJ;
import ij.ImageJ;
import ij.WindowManager;
import ij.text.TextWindow;

/** Opens text windows where there is no display: what ImageJ's classes call once they are mended. */
public final class Windows {

	private static final String RESULTS = "(Results)";
	private static final Clipboard CLIPBOARD = new Clipboard("headless");
	private static final ImageJ MAIN = withoutConstructor(ImageJ.class);

	private Windows() {}

	/** Stands for ImageJ's main window where it only matters that there is one. */
	public static ImageJ mainWindow() {
		return MAIN;
	}

	public static TextWindow open(final String title, final String text, final int width, final int height) {
		return open(title, "", text, width, height);
	}

	public static TextWindow open(final String title, final String headings, final String text, final int width,
		final int height)
	{
		final HeadlessWindow window = make(title, headings);
		if (text != null && !text.isEmpty()) window.append(text);
		return register(window);
	}

	public static TextWindow open(final String title, final String headings, final ArrayList<?> lines, final int width,
		final int height)
	{
		final HeadlessWindow window = make(title, headings);
		if (lines != null) window.getTextPanel().append(lines);
		return register(window);
	}

	/** Shows a text file. */
	public static TextWindow open(final String path, final int width, final int height) {
		final HeadlessWindow window = make(Paths.get(path).getFileName().toString(), "");
		try (BufferedReader lines = Files.newBufferedReader(Paths.get(path), StandardCharsets.UTF_8)) {
			window.load(lines);
		}
		catch (final IOException unreadable) {
			IJ.error(unreadable.getMessage());
		}
		return register(window);
	}

	/** Opens what stands for a window of tools; the window in front stays. */
	public static void openTools(final String title) {
		if (WindowManager.getWindow(title) == null) WindowManager.addWindow(make(title, ""));
	}

	/** Stands for the clipboard of a desktop: what a script copies, it pastes. */
	public static Clipboard clipboard() {
		return CLIPBOARD;
	}

	/** Prints what goes to the log, but for the commands that change what is there. */
	public static void echo(final String line) {
		if (line == null) return;
		final String said = line.replaceFirst("^\\\\Update\\d*:", "");
		if (!said.startsWith("\\")) System.out.println(said);
	}

	private static HeadlessWindow make(final String title, final String headings) {
		final boolean isTable = title.endsWith(RESULTS) && !title.equals(RESULTS);
		final String name = isTable ? title.substring(0, title.length() - RESULTS.length()) : title;
		final HeadlessWindow window = withoutConstructor(HeadlessWindow.class).named(name);
		setPanel(window);
		window.getTextPanel().setColumnHeadings(headings);
		return window;
	}

	private static HeadlessWindow register(final HeadlessWindow window) {
		WindowManager.addWindow(window);
		WindowManager.setWindow(window);
		return window;
	}

	/** ImageJ reads the field as well as its getter. */
	private static void setPanel(final HeadlessWindow window) {
		try {
			final Field panel = TextWindow.class.getDeclaredField("textPanel");
			panel.setAccessible(true);
			panel.set(window, window.getTextPanel());
		}
		catch (final ReflectiveOperationException otherImageJ) {
			throw new IllegalStateException(otherImageJ);
		}
	}

	/** Java's serialization makes objects so; sun.reflect is part of every Java from 8 on. */
	static <T> T withoutConstructor(final Class<T> type) {
		try {
			final Class<?> factory = Class.forName("sun.reflect.ReflectionFactory");
			final Object maker = factory.getMethod("getReflectionFactory").invoke(null);
			final Constructor<?> bare = (Constructor<?>) factory.getMethod("newConstructorForSerialization", Class.class,
				Constructor.class).invoke(maker, type, Object.class.getDeclaredConstructor());
			return type.cast(bare.newInstance());
		}
		catch (final ReflectiveOperationException otherJava) {
			throw new IllegalStateException(otherJava);
		}
	}
}
