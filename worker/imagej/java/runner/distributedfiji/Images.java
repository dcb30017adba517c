package distributedfiji;

import java.io.File;
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

	/** Returns the job's one input where one image alone is asked for and no value is given, else null. */
	static File onlyInput(final Module module, final Map<String, ?> given) {
		int images = 0;
		for (final ModuleItem<?> input : module.getInfo().inputs()) {
			if (isImage(input) && !given.containsKey(input.getName())) images++;
		}
		final Object folder = given.get("input_dir");
		return images == 1 && folder instanceof String ? InputFolder.only(new File((String) folder)) : null;
	}

	/**
	 * Opens what a person would have open before the script starts: what the job's answers name, or else its one input
	 * where the script works on an image and opens none. Returns the failure, or null.
	 */
	static Outcome openInFront(final Job job) {
		final String folder = job.opensInput ? job.offered("input_dir") : null;
		final File only = folder == null ? null : InputFolder.only(new File(folder));
		try {
			for (final File file : Questions.toOpen(only != null && IMAGE.matcher(only.getName()).matches() ? only : null)) {
				final ImagePlus before = WindowManager.getCurrentImage();
				// Not IJ.openImage: what the script asks of the file opened last is known by this alone.
				IJ.open(file.getPath());
				if (WindowManager.getCurrentImage() == before && IMAGE.matcher(file.getName()).matches()) {
					return Outcome.wrongParameter("The answer \"open_image\": " + file.getName() + " cannot be opened as an image.");
				}
			}
			return null;
		}
		catch (final IllegalArgumentException notThere) {
			return Outcome.wrongParameter(notThere.getMessage() + ".");
		}
	}

	/** Returns a file's image as a parameter's type, shown as in FIJI's window; null where it is none. */
	static Object open(final String path, final ModuleItem<?> input, final ConvertService converter) {
		final ImagePlus image = IJ.openImage(path);
		if (image == null) return null;
		image.show();
		return input.getType().isInstance(image) ? image : converter.convert(image, input.getType());
	}
}
