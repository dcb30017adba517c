package distributedfiji.mend;

import java.awt.Color;
import java.awt.Component;
import java.awt.Dimension;
import java.awt.Font;
import java.awt.Graphics;
import java.awt.LayoutManager;
import java.awt.Point;
import java.awt.Rectangle;
import java.awt.event.KeyListener;
import java.awt.event.WindowListener;

/** Replaces Java's dialog as the parent of ImageJ's dialogs: it shows nothing, so it also exists without a display. */
public class NoDialog {

	private String title;
	private final String text;

	public NoDialog(final String title, final String text) {
		this.title = title;
		this.text = text;
	}

	public String getTitle() {
		return title;
	}

	public void setTitle(final String name) {
		title = name;
	}

	protected String text() {
		return text;
	}

	public boolean isShowing() {
		return false;
	}

	public boolean isVisible() {
		return false;
	}

	public Point getLocation() {
		return new Point();
	}

	public Dimension getSize() {
		return new Dimension();
	}

	public Rectangle getBounds() {
		return new Rectangle();
	}

	public int getWidth() {
		return 0;
	}

	public int getHeight() {
		return 0;
	}

	public Component add(final Component part) {
		return part;
	}

	// These only change how a window looks, or where it is.

	public void add(final Component part, final Object place) {}

	public void setLayout(final LayoutManager layout) {}

	public void setLocation(final int x, final int y) {}

	public void setLocation(final Point place) {}

	public void setSize(final int width, final int height) {}

	public void setBounds(final int x, final int y, final int width, final int height) {}

	public void setFont(final Font font) {}

	public void setBackground(final Color color) {}

	public void setModal(final boolean modal) {}

	public void setResizable(final boolean resizable) {}

	public void setAlwaysOnTop(final boolean onTop) {}

	public void setVisible(final boolean visible) {}

	public void addKeyListener(final KeyListener listener) {}

	public void addWindowListener(final WindowListener listener) {}

	public void paint(final Graphics graphics) {}

	public void pack() {}

	public void validate() {}

	public void show() {}

	public void hide() {}

	public void toFront() {}

	public void toBack() {}

	public void requestFocus() {}

	public void repaint() {}

	public void dispose() {}
}
