package distributedfiji.agent;

import java.io.File;
import java.awt.GraphicsEnvironment;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.jar.JarFile;
import java.util.regex.Pattern;

/**
 * Lets the runner mend ImageJ's classes as FIJI loads them: {@code -javaagent:jars/distributed-fiji-agent.jar}.
 * It is in a jar of its own, since Java puts an agent's jar on the system class path, where not every launcher has
 * ImageJ: what knows ImageJ is found through the loader of the class that is being loaded. It sees the bytes after
 * FIJI's own patches. It also lets the runner change how Java reads paths, for a job that asks for it.
 */
public final class Agent implements ClassFileTransformer {

	/** Java's own readers of paths, of java.io.File and of java.nio.file.Path. */
	private static final String[] READERS = { "java.io.UnixFileSystem", "sun.nio.fs.UnixPath" };

	private static final String MENDING = "distributedfiji.mend.Mending";
	/** What a class holds that knows text windows or what they show, as it stands in its constant pool. */
	private static final String TEXT = "ij/text/Text";
	/** Classes that are changed with a display, too: distributedfiji.mend.Mending names them. */
	private static final Pattern ALWAYS = Pattern.compile(
		"ij/(IJ|ImagePlus|WindowManager|macro/(Functions|Interpreter)|plugin/HyperStackConverter)" +
			"|ij/gui/((NonBlocking)?Generic|YesNoCancel|WaitForUser)Dialog|ij/io/((Open|Save)Dialog|Opener)|ij/io/DirectoryChooser" +
			"|ij/gui/ImageWindow|ij/text/TextWindow|ij/plugin/frame/(PlugIn(Frame|Dialog)|ContrastAdjuster)" +
			"|ij/plugin/filter/PlugInFilterRunner|net/imagej/(patcher/HeadlessGenericDialog|legacy/DefaultLegacyHooks)");
	private static final String OWN = "distributedfiji/";

	private final boolean headless = GraphicsEnvironment.isHeadless();
	private static Instrumentation instrumentation;

	private Agent() {}

	public static void premain(final String arguments, final Instrumentation given) {
		instrumentation = given;
		// ImageJ core's classes are mended already.
		if (!"paths".equals(arguments)) given.addTransformer(new Agent());
	}

	/**
	 * Changes Java's own readers of paths, so that they ask {@link Redirect}, which is returned as they see it. The
	 * Java virtual machine lets a class of java.base that an agent has changed read what the agent has added to the
	 * bootstrap search path (java.lang.instrument, "Instrumenting code in modules").
	 *
	 * @param change makes the changes, each of which must be one in a method's code
	 */
	public static Class<?> changeReaders(final ClassFileTransformer change) throws Exception {
		final File jar = new File(Agent.class.getProtectionDomain().getCodeSource().getLocation().toURI());
		instrumentation.appendToBootstrapClassLoaderSearch(new JarFile(jar));
		final Class<?>[] readers = new Class<?>[READERS.length];
		for (int i = 0; i < readers.length; i++) readers[i] = Class.forName(READERS[i]);
		instrumentation.addTransformer(change, true);
		try {
			instrumentation.retransformClasses(readers);
		}
		finally {
			instrumentation.removeTransformer(change);
		}
		return Class.forName("distributedfiji.agent.Redirect", true, null);
	}

	@Override
	public byte[] transform(final ClassLoader loader, final String name, final Class<?> redefined,
		final ProtectionDomain domain, final byte[] bytes)
	{
		if (loader == null || name == null || name.startsWith(OWN)) return null;
		final boolean shows = headless && new String(bytes, StandardCharsets.ISO_8859_1).contains(TEXT);
		if (!shows && !ALWAYS.matcher(name).matches()) return null;
		try {
			final Method mend = Class.forName(MENDING, true, loader)
				.getMethod("mend", ClassLoader.class, byte[].class, boolean.class);
			return (byte[]) mend.invoke(null, loader, bytes, headless);
		}
		catch (final ReflectiveOperationException | LinkageError notMended) {
			// The runner finds out whether ImageJ's tables are mended, and names what is not.
			System.err.println("Not mended for headless use: " + name.replace('/', '.') + ": " + notMended);
			return null;
		}
	}
}
