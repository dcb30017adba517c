import ij.Macro;
import ij.plugin.PlugIn;

/** Throws in run(): "Throw Exception", with `kind=error` an Error, with `kind=thread` in a thread of its own. */
public class Throwing_Plugin implements PlugIn {

	@Override
	public void run(final String argument) {
		final String kind = Macro.getValue(String.valueOf(Macro.getOptions()), "kind", "exception");
		if ("thread".equals(kind)) throwInThread();
		else if ("error".equals(kind)) throw new NoClassDefFoundError("org/example/Missing");
		else throw new IllegalStateException("the test plugin fails");
	}

	private static void throwInThread() {
		final Thread thread = new Thread(new Runnable() {

			@Override
			public void run() {
				throw new IllegalStateException("the test plugin's thread fails");
			}
		});
		thread.start();
		try {
			thread.join();
		}
		catch (final InterruptedException e) {
			Thread.currentThread().interrupt();
		}
	}
}
