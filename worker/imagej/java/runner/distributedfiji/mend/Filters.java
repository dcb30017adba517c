package distributedfiji.mend;

import javassist.CannotCompileException;
import javassist.CtClass;
import javassist.CtConstructor;
import javassist.NotFoundException;
import javassist.expr.ExprEditor;
import javassist.expr.Handler;

/**
 * Lets an exception from a filter's dialog end the command, with and without a display. ImageJ silently catches it, and
 * runs the filter all the same, with whatever the dialog had read so far (1.54p, PlugInFilterRunner's constructor).
 */
public final class Filters {

	static final String TYPE = "ij.plugin.filter.PlugInFilterRunner";
	private static final String HERE = Filters.class.getName();

	private Filters() {}

	/** Changes a class if it is the one that runs filters; returns whether it did. */
	static boolean mend(final CtClass type) throws CannotCompileException {
		if (!type.getName().equals(TYPE)) return false;
		for (final CtConstructor made : type.getConstructors()) {
			made.instrument(new ExprEditor() {

				@Override
				public void edit(final Handler handler) throws CannotCompileException {
					if (isForAll(handler)) handler.insertBefore(HERE + ".end($1);");
				}
			});
		}
		return true;
	}

	private static boolean isForAll(final Handler handler) throws CannotCompileException {
		try {
			return !handler.isFinally() && handler.getType().getName().equals("java.lang.Exception");
		}
		catch (final NotFoundException notThere) {
			throw new CannotCompileException(notThere);
		}
	}

	/** Rethrows it unchanged. */
	public static void end(final Exception thrown) {
		throw Filters.<RuntimeException>unchecked(thrown);
	}

	@SuppressWarnings("unchecked")
	private static <T extends Exception> T unchecked(final Exception thrown) throws T {
		throw (T) thrown;
	}
}
