package distributedfiji.mend;

import java.io.ByteArrayInputStream;
import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;

import javassist.ClassPool;
import javassist.CtClass;
import javassist.CtMethod;
import javassist.LoaderClassPath;

/**
 * Makes Java ask where a path leads whenever it is given as a text: java.io.File and everything that takes a file name,
 * and java.nio.file.Path. For each of them, one method reads it (OpenJDK 8 to 25, on Linux and macOS).
 */
public final class Readers implements ClassFileTransformer {

	private static final String ASK = "$1 = distributedfiji.agent.Redirect.lead($1);";

	private int changed;
	private Exception problem;

	@Override
	public byte[] transform(final ClassLoader loader, final String name, final Class<?> redefined,
		final ProtectionDomain domain, final byte[] bytes)
	{
		final String method = "java/io/UnixFileSystem".equals(name) ? "normalize"
			: "sun/nio/fs/UnixPath".equals(name) ? "normalizeAndCheck" : null;
		if (method == null) return null;
		try {
			final ClassPool pool = new ClassPool(true);
			pool.appendClassPath(new LoaderClassPath(Readers.class.getClassLoader()));
			final CtClass type = pool.makeClass(new ByteArrayInputStream(bytes));
			reader(type, method).insertBefore(ASK);
			changed++;
			return type.toBytecode();
		}
		catch (final Exception notChanged) {
			problem = notChanged;
			return null;
		}
	}

	private static CtMethod reader(final CtClass type, final String name) throws Exception {
		return type.getMethod(name, "(Ljava/lang/String;)Ljava/lang/String;");
	}

	/** Throws an exception unless both are changed. */
	public void check() throws Exception {
		if (problem != null) throw problem;
		if (changed != 2) throw new IllegalStateException("Java reads paths in another way than is known");
	}
}
