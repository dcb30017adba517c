package distributedfiji.core;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

import net.imagej.patcher.LegacyInjector;

import distributedfiji.mend.Mending;

/**
 * Writes ImageJ's classes that need a display, changed to work without one, into a jar, once, when ImageJ core is
 * installed. Those that are also changed for use with a display go into a separate jar.
 */
public final class Prepatch {

	/** What a class file contains if the class uses text windows or their content. */
	private static final String TEXT = "ij/text/Text";
	/** The patcher has it; ImageJ's own jar does not. */
	private static final String HEADLESS_DIALOG = "net/imagej/patcher/HeadlessGenericDialog.class";

	private Prepatch() {}

	/** Arguments: the jar to write, the one for use with a display, and ImageJ's own jar. */
	public static void main(final String[] arguments) throws Exception {
		final File patched = new File(arguments[0]);
		LegacyInjector.writeJar(patched, true, false);
		try (ZipFile imagej = new ZipFile(arguments[2])) {
			mendAll(imagej, patched, true);
			mendAll(imagej, new File(arguments[1]), false);
		}
	}

	private static void mendAll(final ZipFile imagej, final File jar, final boolean headless) throws Exception {
		try (FileSystem out = FileSystems.newFileSystem(URI.create("jar:" + jar.toURI()),
			Collections.singletonMap("create", "true")))
		{
			for (final ZipEntry entry : Collections.list(imagej.entries())) {
				if (!entry.getName().endsWith(".class")) continue;
				final Path target = out.getPath(entry.getName());
				final byte[] bytes = Files.exists(target) ? Files.readAllBytes(target) : read(imagej.getInputStream(entry));
				mend(entry.getName(), bytes, target, headless);
			}
			final Path parent = out.getPath(HEADLESS_DIALOG);
			if (Files.exists(parent)) mend(HEADLESS_DIALOG, Files.readAllBytes(parent), parent, headless);
		}
	}

	/** Mends a class of ImageJ, in its patched form if there is one. */
	private static void mend(final String entry, final byte[] bytes, final Path target, final boolean headless)
		throws Exception
	{
		final boolean shows = headless && new String(bytes, StandardCharsets.ISO_8859_1).contains(TEXT);
		if (!shows && !Mending.isAlwaysMended(entry.replaceFirst("\\.class$", ""))) return;
		final byte[] mended = Mending.mend(Prepatch.class.getClassLoader(), bytes, headless);
		if (mended == null) return;
		Files.createDirectories(target.getParent());
		try (OutputStream out = Files.newOutputStream(target)) {
			out.write(mended);
		}
	}

	private static byte[] read(final InputStream from) throws IOException {
		final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
		from.transferTo(bytes);
		return bytes.toByteArray();
	}
}
