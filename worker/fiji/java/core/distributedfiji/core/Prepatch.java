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

/** Writes ImageJ's classes that need a display, changed to do without, into a jar: once, when ImageJ core is installed. */
public final class Prepatch {

	/** What a class holds that knows text windows or what they show. */
	private static final String TEXT = "ij/text/Text";

	private Prepatch() {}

	/** Arguments: the jar to write, and ImageJ's own jar. */
	public static void main(final String[] arguments) throws Exception {
		final File patched = new File(arguments[0]);
		LegacyInjector.writeJar(patched, true, false);
		try (ZipFile imagej = new ZipFile(arguments[1]);
				FileSystem out = FileSystems.newFileSystem(URI.create("jar:" + patched.toURI()), Collections.emptyMap()))
		{
			for (final ZipEntry entry : Collections.list(imagej.entries())) {
				if (entry.getName().endsWith(".class")) mend(imagej.getInputStream(entry), out.getPath(entry.getName()));
			}
		}
	}

	/** Mends a class of ImageJ, as it is patched already or as it comes. */
	private static void mend(final InputStream original, final Path target) throws Exception {
		final byte[] bytes = Files.exists(target) ? Files.readAllBytes(target) : read(original);
		if (!new String(bytes, StandardCharsets.ISO_8859_1).contains(TEXT)) return;
		final byte[] mended = Mending.mend(Prepatch.class.getClassLoader(), bytes);
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
