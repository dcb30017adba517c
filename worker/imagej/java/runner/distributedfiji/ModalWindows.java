package distributedfiji;

import java.awt.Component;
import java.awt.Container;
import java.awt.Dialog;
import java.awt.GraphicsEnvironment;
import java.awt.Label;
import java.awt.TextComponent;
import java.awt.Window;
import java.awt.event.WindowEvent;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Consumer;

/**
 * Watches the windows that a FIJI with a display opens. A message is printed and closed, just as it is printed without a
 * display. A window that asks a person stays open until something ends the job, and is reported.
 */
final class ModalWindows {

	private static final long LOOK_MS = 200;

	private static final String NAME = "modal-windows";

	private final Swallowed swallowed;
	private final Map<Window, Long> standing = new WeakHashMap<>();
	private final Map<Window, Boolean> read = new WeakHashMap<>();

	private final double patienceSeconds;
	private final Consumer<Outcome> onQuestion;

	private ModalWindows(final Swallowed swallowed, final double patienceSeconds, final Consumer<Outcome> onQuestion) {
		this.swallowed = swallowed;
		this.patienceSeconds = patienceSeconds;
		this.onQuestion = onQuestion;
	}

	/**
	 * Starts watching, if there is a display.
	 *
	 * @param patienceSeconds how long a window may ask
	 */
	static void watch(final Swallowed swallowed, final double patienceSeconds, final Consumer<Outcome> onQuestion) {
		if (GraphicsEnvironment.isHeadless()) return;
		final ModalWindows windows = new ModalWindows(swallowed, patienceSeconds, onQuestion);
		final Thread watch = new Thread(windows::look, NAME);
		watch.setDaemon(true);
		watch.start();
	}

	/** True on the thread that closes windows. */
	static boolean isWatching() {
		return Thread.currentThread().getName().equals(NAME);
	}

	private void look() {
		try {
			while (true) {
				Thread.sleep(LOOK_MS);
				for (final Window window : Window.getWindows()) {
					if (window.isShowing()) look(window);
				}
			}
		}
		catch (final InterruptedException end) {
			Thread.currentThread().interrupt();
		}
	}

	private void look(final Window window) {
		final String type = window.getClass().getName();
		if (type.equals("ij.text.TextWindow")) {
			if (read.put(window, true) == null && "Exception".equals(((java.awt.Frame) window).getTitle())) {
				swallowed.threwIntoWindow(textOf(window));
			}
		}
		else if (window instanceof Dialog && ((Dialog) window).isModal()) modal((Dialog) window, type);
	}

	private void modal(final Dialog dialog, final String type) {
		if (read.containsKey(dialog)) return;
		if (type.equals("ij.gui.MessageDialog") || type.equals("ij.gui.HTMLDialog")) {
			close(dialog, textOf(dialog));
		}
		else if (type.equals("ij.gui.GenericDialog") && isError(dialog.getTitle())) {
			close(dialog, dialog.getTitle() + ": " + textOf(dialog));
		}
		else {
			final Long since = standing.get(dialog);
			if (since == null) standing.put(dialog, System.nanoTime());
			else if ((System.nanoTime() - since) / 1e9 > patienceSeconds) {
				read.put(dialog, true);
				onQuestion.accept(question(dialog));
			}
		}
	}

	private static Outcome question(final Dialog dialog) {
		final String text = textOf(dialog).replaceAll("\\s*\n\\s*", " ");
		final String cut = text.length() > 200 ? text.substring(0, 200) + "…" : text;
		final String title = dialog.getTitle() == null ? "" : dialog.getTitle();
		return Outcome.failed(Outcome.QUESTION, "The window \"" + title + "\"" + (cut.isEmpty() ? "" : " (" + cut + ")"),
			MacroWatch.line(), null);
	}

	/** How ij.macro.Interpreter shows an error. */
	private static boolean isError(final String title) {
		return "Macro Error".equals(title) || "No Image".equals(title);
	}

	private void close(final Dialog dialog, final String text) {
		read.put(dialog, true);
		swallowed.shownInWindow(text);
		System.out.println(text);
		dialog.dispatchEvent(new WindowEvent(dialog, WindowEvent.WINDOW_CLOSING));
	}

	/** What a person would read in a window. */
	private static String textOf(final Container window) {
		final List<String> words = new ArrayList<>();
		collect(window, words);
		return String.join("\n", words).trim();
	}

	private static void collect(final Container container, final List<String> words) {
		for (final Component part : container.getComponents()) {
			final String text = text(part);
			if (text != null && !text.trim().isEmpty()) words.add(text.trim());
			if (part instanceof Container) collect((Container) part, words);
		}
	}

	private static String text(final Component part) {
		if (part instanceof Label) return ((Label) part).getText();
		if (part instanceof TextComponent && !((TextComponent) part).isEditable()) return ((TextComponent) part).getText();
		if (part instanceof javax.swing.text.JTextComponent) {
			final javax.swing.text.JTextComponent text = (javax.swing.text.JTextComponent) part;
			return text.isEditable() ? null : text.getText();
		}
		if (part instanceof javax.swing.JLabel) return ((javax.swing.JLabel) part).getText();
		final String type = part.getClass().getName();
		if (type.equals("ij.gui.MultiLineLabel")) return lines(part);
		return type.equals("ij.text.TextPanel") ? (String) ImageJ.call(part, "getText") : null;
	}

	private static String lines(final Component label) {
		try {
			final Field lines = label.getClass().getDeclaredField("lines");
			lines.setAccessible(true);
			return String.join("\n", (String[]) lines.get(label));
		}
		catch (final ReflectiveOperationException | RuntimeException otherImageJ) {
			return "";
		}
	}
}
