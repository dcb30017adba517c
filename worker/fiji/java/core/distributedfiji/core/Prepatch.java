package distributedfiji.core;

import java.io.File;

import net.imagej.patcher.LegacyInjector;

/** Writes ImageJ's classes that need a display, changed to do without, into a jar: once, when ImageJ core is installed. */
public final class Prepatch {

	private Prepatch() {}

	public static void main(final String[] arguments) throws Exception {
		LegacyInjector.writeJar(new File(arguments[0]), true, false);
	}
}
