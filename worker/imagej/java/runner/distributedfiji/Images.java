package distributedfiji;

import java.io.File;
import java.util.Map;

import org.scijava.convert.ConvertService;
import org.scijava.module.Module;
import org.scijava.module.ModuleItem;

import ij.IJ;
import ij.ImagePlus;

/** Opens the image that a script declares as a parameter, {@code #@ ImagePlus} or {@code #@ Dataset}: a job gives files. */
final class Images {

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

	/** Returns a file's image as a parameter's type, shown as in FIJI's window; null where it is none. */
	static Object open(final String path, final ModuleItem<?> input, final ConvertService converter) {
		final ImagePlus image = IJ.openImage(path);
		if (image == null) return null;
		image.show();
		return input.getType().isInstance(image) ? image : converter.convert(image, input.getType());
	}
}
