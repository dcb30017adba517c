package distributedfiji.mend;

import java.awt.Container;

import ij.text.TextPanel;

/** The content of a text window. Nobody sees it: it only keeps its lines and its table. */
final class HeadlessPanel extends TextPanel {

	private final HeadlessWindow window;

	HeadlessPanel(final String title, final HeadlessWindow window) {
		super(title);
		this.window = window;
	}

	/** ImageJ finds a table's window this way. */
	@Override
	public Container getParent() {
		return window;
	}
}
