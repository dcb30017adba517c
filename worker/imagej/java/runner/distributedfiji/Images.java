package distributedfiji;

import java.io.File;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import org.scijava.convert.ConvertService;
import org.scijava.module.Module;
import org.scijava.module.ModuleItem;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;

import distributedfiji.questions.Questions;

/** Opens the image that a script declares as a parameter, {@code #@ ImagePlus} or {@code #@ Dataset}: a job gives files. */
final class Images {

	/** Names of files that ImageJ opens as images. */
	private static final Pattern IMAGE = Pattern.compile("(?i).*\\.(tiff?|png|jpe?g|gif|bmp|dcm|pgm|fits?|stk|lsm|avi|flex)");

	private Images() {}

	static boolean isImage(final ModuleItem<?> input) {
		return input.getType().getName().matches("ij\\.ImagePlus|net\\.imagej\\.Dataset");
	}

	/** Returns the job's only input if exactly one image is asked for and no value is given, else null. */
	static File onlyInput(final Module module, final Map<String, ?> given) {
		int images = 0;
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			if (isImage(input) && !given.containsKey(input.getName())) images++;
		}
		final Object folder = given.get("input_dir");
		return images == 1 && folder instanceof String ? InputFolder.only(new File((String) folder)) : null;
	}

	/**
	 * Opens what a person would have open before the script starts: what the job's answers name, or else its only input if
	 * the script works on an image and opens none, or all inputs if it goes through all images. Returns the failure, or
	 * null.
	 */
	static Outcome openInFront(final Job job) {
		try {
			for (final File file : Questions.toOpen(meant(job))) {
				final ImagePlus before = WindowManager.getCurrentImage();
				// Not IJ.openImage: only this way does a script learn about the file opened last.
				IJ.open(file.getPath());
				if (WindowManager.getCurrentImage() == before && isImage(file)) {
					return Outcome.wrongParameter("The answer \"open_image\": " + file.getName() + " cannot be opened as an image.");
				}
			}
			return null;
		}
		catch (final IllegalArgumentException notThere) {
			return Outcome.wrongParameter(notThere.getMessage() + ".");
		}
	}

	/** The inputs that the script finds open although the job does not name them. */
	private static List<File> meant(final Job job) {
		final List<File> images = job.opensInput ? imagesOf(job) : Collections.<File>emptyList();
		final boolean isOnly = images.size() == 1 && InputFolder.only(new File(job.offered("input_dir"))) != null;
		return job.opensAll || isOnly ? images : Collections.<File>emptyList();
	}

	private static List<File> imagesOf(final Job job) {
		final List<File> images = new ArrayList<>();
		final String folder = job.offered("input_dir");
		for (final File file : InputFolder.list(folder == null ? null : new File(folder))) if (isImage(file)) images.add(file);
		return images;
	}

	private static boolean isImage(final File file) {
		return file.isFile() && IMAGE.matcher(file.getName()).matches();
	}

	/** A number that changes with each image that is made, or null if this ImageJ does not have it. */
	static Object count() {
		try {
			final Field last = ImagePlus.class.getDeclaredField("currentID");
			last.setAccessible(true);
			return last.get(null);
		}
		catch (final ReflectiveOperationException otherImageJ) {
			return null;
		}
	}

	/**
	 * Returns the failure of a script that only works on images, ended well, and never had one, although its job has some.
	 *
	 * @param before the {@link #count} before it started
	 */
	static Outcome neverHadOne(final Job job, final Object before) {
		final boolean made = before == null || !before.equals(count());
		if (made || !job.needsImages || imagesOf(job).isEmpty()) return Outcome.ok();
		return Outcome.failed(Outcome.SCRIPT_ERROR,
			"there was no image open, and the script, which opens none itself, ended without having done anything", null, null);
	}

	/** Returns a file's image as a parameter's type, shown as in FIJI's window; null if it is not an image. */
	static Object open(final String path, final ModuleItem<?> input, final ConvertService converter) {
		final ImagePlus image = IJ.openImage(path);
		if (image == null) return null;
		image.show();
		return input.getType().isInstance(image) ? image : converter.convert(image, input.getType());
	}
}
