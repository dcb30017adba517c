package distributedfiji.mend;

import java.awt.Dimension;
import java.awt.Frame;
import java.awt.Image;
import java.awt.Point;
import java.awt.Rectangle;

import ij.text.TextPanel;
import ij.text.TextWindow;

/**
 * A text window without a display. Java's own constructor of a Frame refuses, so objects of this class are made without
 * any constructor ({@link Windows}). Whatever ImageJ asks of a window is answered here, from our own fields.
 */
final class HeadlessWindow extends TextWindow {

	private String title;
	private TextPanel panel;

	private HeadlessWindow() {
		super("", "", 0, 0);
	}

	/** Does what a constructor would. */
	HeadlessWindow named(final String name) {
		title = name;
		panel = new HeadlessPanel(name, this);
		return this;
	}

	@Override
	public TextPanel getTextPanel() {
		return panel;
	}

	@Override
	public String getTitle() {
		return title;
	}

	@Override
	public void setTitle(final String name) {
		title = name;
	}

	@Override
	public Point getLocation() {
		return new Point();
	}

	@Override
	public Dimension getSize() {
		return new Dimension(400, 250);
	}

	@Override
	public Rectangle getBounds() {
		return new Rectangle(getLocation(), getSize());
	}

	@Override
	public boolean isVisible() {
		return true;
	}

	@Override
	public int getState() {
		return Frame.NORMAL;
	}

	@Override
	public int getExtendedState() {
		return Frame.NORMAL;
	}

	@Override
	public String toString() {
		return getClass().getName() + "[" + title + "]";
	}

	// These only change how a window looks, or where it is.

	@Override
	public void setLocation(final Point place) {}

	@Override
	public void setLocation(final int x, final int y) {}

	@Override
	public void setSize(final Dimension size) {}

	@Override
	public void setSize(final int width, final int height) {}

	@Override
	public void setBounds(final int x, final int y, final int width, final int height) {}

	@Override
	public void setState(final int state) {}

	@Override
	public void setExtendedState(final int state) {}

	@Override
	public void setIconImage(final Image image) {}

	@Override
	public void setVisible(final boolean visible) {}

	@Override
	@Deprecated
	public void show() {}

	@Override
	@Deprecated
	public void hide() {}

	@Override
	public void toFront() {}

	@Override
	public void toBack() {}

	@Override
	public void requestFocus() {}

	@Override
	public void repaint() {}

	@Override
	public void validate() {}

	@Override
	public void pack() {}

	@Override
	public void dispose() {}
}
