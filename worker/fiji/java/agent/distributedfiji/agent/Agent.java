package distributedfiji.agent;

import java.awt.GraphicsEnvironment;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.regex.Pattern;

/**
 * Lets the runner mend ImageJ's classes as FIJI loads them: {@code -javaagent:jars/distributed-fiji-agent.jar}.
 * It is in a jar of its own, since Java puts an agent's jar on the system class path, where not every launcher has
 * ImageJ: what knows ImageJ is found through the loader of the class that is being loaded. It sees the bytes after
 * FIJI's own patches.
 */
public final class Agent implements ClassFileTransformer {

	private static final String MENDING = "distributedfiji.mend.Mending";
	/** What a class holds that knows text windows or what they show, as it stands in its constant pool. */
	private static final String TEXT = "ij/text/Text";
	/** Classes that ask a person: distributedfiji.mend.Asking names them. */
	private static final Pattern ASKS = Pattern.compile(
		"ij/gui/((NonBlocking)?Generic|YesNoCancel|WaitForUser)Dialog|ij/io/(Open|Save)Dialog|ij/io/DirectoryChooser" +
			"|net/imagej/patcher/HeadlessGenericDialog");
	private static final String OWN = "distributedfiji/";

	private final boolean headless = GraphicsEnvironment.isHeadless();

	private Agent() {}

	public static void premain(final String arguments, final Instrumentation instrumentation) {
		instrumentation.addTransformer(new Agent());
	}

	@Override
	public byte[] transform(final ClassLoader loader, final String name, final Class<?> redefined,
		final ProtectionDomain domain, final byte[] bytes)
	{
		if (loader == null || name == null || name.startsWith(OWN)) return null;
		final boolean shows = headless && new String(bytes, StandardCharsets.ISO_8859_1).contains(TEXT);
		if (!shows && !ASKS.matcher(name).matches()) return null;
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
