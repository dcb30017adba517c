package distributedfiji.mend;

import java.awt.Container;

import ij.text.TextPanel;

/** What a text window shows. Nobody sees it: it only keeps its lines, and its table. */
final class HeadlessPanel extends TextPanel {

	private final HeadlessWindow window;

	HeadlessPanel(final String title, final HeadlessWindow window) {
		super(title);
		this.window = window;
	}

	/** ImageJ finds the window of a table so. */
	@Override
	public Container getParent() {
		return window;
	}
}
