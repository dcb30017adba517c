package distributedfiji;

import java.awt.GraphicsEnvironment;

/**
 * With a display, what a script prints goes to ImageJ's Log window instead of the console. This reads it from there, so
 * that the job's log has it while the job runs.
 */
final class LogWindow implements Runnable {

	private static final long LOOK_MS = 500;

	private String[] seen = {};

	/** Reads along until Java ends, if there is a display; otherwise does nothing. */
	static void follow() {
		if (GraphicsEnvironment.isHeadless()) return;
		final LogWindow log = new LogWindow();
		final Thread reader = new Thread(log, "log-window");
		reader.setDaemon(true);
		reader.start();
		Runtime.getRuntime().addShutdownHook(new Thread(log::readOn, "log-window-end"));
	}

	@Override
	public void run() {
		try {
			while (true) {
				Thread.sleep(LOOK_MS);
				readOn();
			}
		}
		catch (final InterruptedException ended) {
			Thread.currentThread().interrupt();
		}
	}

	/** Prints what is new in the window, starting at the first new line. */
	private synchronized void readOn() {
		final Object text = ImageJ.call("ij.IJ", "getLog", null);
		final String[] now = text == null ? new String[0] : text.toString().split("\n");
		int at = 0;
		while (at < Math.min(now.length, seen.length) && now[at].equals(seen[at])) at++;
		for (; at < now.length; at++) System.out.println(now[at]);
		seen = now;
	}
}
