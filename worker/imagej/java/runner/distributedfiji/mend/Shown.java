package distributedfiji.mend;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Vector;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.macro.Interpreter;

/**
 * The images that a script has shown where there are no windows. ImageJ's table of batch mode holds them, and its list of
 * activations tells which was in front last (1.54p, ij.macro.Interpreter).
 */
public final class Shown {

	/** Images that had windows before the script's own batch mode, and which of them was in front last; null outside it. */
	private static List<ImagePlus> windows;
	private static List<ImagePlus> order;

	private Shown() {}

	/** Returns the image that came to the front last; null where there is none. */
	public static ImagePlus last() {
		final List<ImagePlus> met = of("imageActivations");
		return met.isEmpty() ? null : met.get(met.size() - 1);
	}

	/** Makes the image current that has come to the front since. */
	public static void bringToFront(final ImagePlus before) {
		final ImagePlus now = last();
		if (now != null && now != before) WindowManager.setTempCurrentImage(now);
	}

	/** Whether an image is there already, so that showing it changes nothing. */
	public static boolean isThere(final ImagePlus image) {
		return of("imageTable").contains(image);
	}

	/** Whether an image that would have a window has this title. */
	public static boolean isTitle(final String title) {
		return (isBatchMode() ? windows : of("imageTable")).stream().anyMatch(image -> image.getTitle().equals(title));
	}

	/** Gives a file's image another title where one is open already that has it, as a window of its own would. */
	public static void checkTitle(final ImagePlus image) {
		if (isBatchMode() || !WindowManager.checkForDuplicateName) return;
		WindowManager.checkForDuplicateName = false;
		image.setTitle(WindowManager.makeUniqueName(image.getTitle()));
	}

	/** Puts an image last and in front, where its window would be another one now. */
	public static void openedAgain(final ImagePlus image) {
		if (!isThere(image) || isBatchMode() && !windows.contains(image)) return;
		Interpreter.removeBatchModeImage(image);
		Interpreter.addBatchModeImage(image);
		WindowManager.setTempCurrentImage(image);
	}

	/** Brings the image before the one in front there, as the command "Put Behind" does. */
	public static void putBehind() {
		final List<ImagePlus> images = of("imageTable");
		final int at = images.indexOf(WindowManager.getCurrentImage());
		if (at >= 0) IJ.selectWindow(images.get((at > 0 ? at : images.size()) - 1).getID());
	}

	/** Closes all images. */
	public static void closeAll() {
		for (final ImagePlus image : of("imageTable")) image.close();
	}

	/** Whether the script has asked for batch mode. */
	public static boolean isBatchMode() {
		return windows != null;
	}

	/** Begins or ends a script's own batch mode: at its end those images are there that had windows, as they were. */
	public static void setBatchMode(final boolean on) {
		if (on && !isBatchMode()) {
			windows = of("imageTable");
			order = of("imageActivations");
		}
		else if (!on && isBatchMode()) {
			final List<ImagePlus> open = of("imageTable");
			windows.retainAll(open);
			order.retainAll(windows);
			new Kept(windows, order).restore();
		}
	}

	/** Returns the images that stay when a macro ends, for {@link #restore}. */
	public static Object kept() {
		return isBatchMode() ? new Kept(windows, order) : new Kept(of("imageTable"), of("imageActivations"));
	}

	/** Puts images back if the end of a macro has taken all away, those of its batch mode with them. */
	public static void restore(final Object kept) {
		if (field("imageTable") == null) ((Kept) kept).restore();
	}

	/** Takes note that an image would have a window, which the script has shown in its own batch mode. */
	public static void hasWindow(final ImagePlus image) {
		if (!isBatchMode() || !Boolean.TRUE.equals(field("tempShowMode"))) return;
		windows.remove(image);
		order.remove(image);
		windows.add(image);
		order.add(image);
		final List<ImagePlus> rest = of("imageTable");
		rest.removeAll(windows);
		final List<ImagePlus> all = new ArrayList<>(windows);
		all.addAll(rest);
		set("imageTable", all);
	}

	/** Takes note that an image would have a window no longer. */
	public static void hide(final int id) {
		final ImagePlus image = WindowManager.getImage(id);
		windows.remove(image);
		order.remove(image);
	}

	/** Returns a copy of one of ImageJ's lists. */
	@SuppressWarnings("unchecked")
	private static List<ImagePlus> of(final String name) {
		final Object found = field(name);
		return found == null ? new ArrayList<>() : new ArrayList<>((List<ImagePlus>) found);
	}

	private static Object field(final String name) {
		try {
			return accessible(name).get(null);
		}
		catch (final ReflectiveOperationException otherImageJ) {
			throw new IllegalStateException(otherImageJ);
		}
	}

	private static void set(final String name, final List<ImagePlus> images) {
		try {
			accessible(name).set(null, new Vector<>(images));
		}
		catch (final ReflectiveOperationException otherImageJ) {
			throw new IllegalStateException(otherImageJ);
		}
	}

	private static Field accessible(final String name) throws ReflectiveOperationException {
		final Field field = Interpreter.class.getDeclaredField(name);
		field.setAccessible(true);
		return field;
	}

	/** Images, and the order in which they came to the front. */
	private static final class Kept {

		private final List<ImagePlus> images;
		private final List<ImagePlus> order;

		Kept(final List<ImagePlus> images, final List<ImagePlus> order) {
			this.images = images;
			this.order = order;
		}

		void restore() {
			set("imageTable", images);
			set("imageActivations", order);
			Shown.windows = Shown.order = null;
			WindowManager.setTempCurrentImage(null);
		}
	}
}
