package distributedfiji.questions;

import java.awt.Checkbox;
import java.awt.CheckboxGroup;
import java.awt.Choice;
import java.awt.Component;
import java.awt.TextArea;
import java.awt.TextField;
import java.util.EnumMap;
import java.util.Map;
import java.util.Vector;

/** A dialog's Java components, by kind, in the order in which ImageJ made them. */
final class Widgets {

	private final Vector<?> numbers;
	private final Vector<?> texts;
	private final Vector<?> boxes;
	private final Vector<?> choices;
	private final Vector<?> radios;
	private final TextArea[] areas;
	private final Map<Field.Type, Integer> next = new EnumMap<>(Field.Type.class);

	Widgets(final Vector<?> numbers, final Vector<?> texts, final Vector<?> boxes, final Vector<?> choices,
		final Vector<?> radios, final TextArea[] areas)
	{
		this.numbers = numbers;
		this.texts = texts;
		this.boxes = boxes;
		this.choices = choices;
		this.radios = radios;
		this.areas = areas;
	}

	/** Shows a field's value in the next component of its kind. */
	void show(final Field field) {
		final int index = next.merge(field.type, 1, Integer::sum) - 1;
		final String value = field.value() == null ? "" : String.valueOf(field.value());
		switch (field.type) {
			case NUMBER: ((TextField) numbers.get(index)).setText(value); break;
			case TEXT: ((TextField) texts.get(index)).setText(value); break;
			case CHECKBOX: ((Checkbox) boxes.get(index)).setState((Boolean) field.value()); break;
			case CHOICE: ((Choice) choices.get(index)).select(value); break;
			case RADIO: select((CheckboxGroup) radios.get(index), value); break;
			default: areas[index].setText(value);
		}
	}

	private static void select(final CheckboxGroup group, final String value) {
		final Checkbox before = group.getSelectedCheckbox();
		if (before == null || before.getParent() == null) return;
		for (final Component box : before.getParent().getComponents()) {
			if (box instanceof Checkbox && ((Checkbox) box).getLabel().equals(value)) ((Checkbox) box).setState(true);
		}
	}
}
