package distributedfiji;

import java.io.File;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

import org.scijava.convert.ConvertService;
import org.scijava.module.ModuleItem;
import org.scijava.util.Types;

/**
 * Converts a job's values to the types that a script declares, or says why that is impossible.
 * SciJava's own conversion is silent: 7.9 becomes 7 and "yes" becomes false.
 */
public final class Values {

	private final ConvertService converter;

	Values(final ConvertService converter) {
		this.converter = converter;
	}

	/** Raised if a value does not fit its parameter. */
	static final class Misfit extends Exception {
		Misfit(final String message) {
			super(message);
		}
	}

	/** Returns the value as the parameter's type. */
	Object fit(final ModuleItem<?> item, final Object value) throws Misfit {
		final Class<?> type = boxed(item.getType());
		final Object fitted;
		try {
			fitted = convert(value, type);
		}
		catch (final ArithmeticException | IllegalArgumentException doesNotFit) {
			throw misfit(item, value, "is no " + type.getSimpleName());
		}
		if (fitted == null) throw misfit(item, value, "is no " + type.getSimpleName());
		final List<?> choices = item.getChoices();
		if (choices != null && !choices.isEmpty() && !choices.contains(fitted)) {
			throw misfit(item, value, "is not one of its choices " + choices);
		}
		return fitted;
	}

	private static Misfit misfit(final ModuleItem<?> item, final Object value, final String why) {
		final String shown = value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
		final String cut = shown.length() > 200 ? shown.substring(0, 200) + "…" : shown;
		return new Misfit("Parameter \"" + item.getName() + "\": " + cut + " " + why + ".");
	}

	private static Class<?> boxed(final Class<?> type) {
		return type.isPrimitive() ? Types.box(type) : type;
	}

	private Object convert(final Object value, final Class<?> type) {
		if (value == null) return null;
		if (type == File[].class) return files(value);
		if (value instanceof List) return several((List<?>) value, type);
		if (type == String.class) return text(value);
		if (type == Object.class) return plain(value);
		if (type == Boolean.class) return truth(value);
		if (type == Character.class) return letter(text(value));
		if (type == File.class) return file(text(value));
		if (Number.class.isAssignableFrom(type)) return number(value, type);
		return converter.convert(plain(value), type);
	}

	/** FIJI's dialog gives absolute paths, and a macro's open() finds a relative one only in the folder opened last. */
	private static File file(final String path) {
		return path.matches("(input|output)(/.*)?") ? new File(path).getAbsoluteFile() : new File(path);
	}

	/**
	 * Files, from a list or a text as SciJava's FileListConverters read it: commas between the paths, quotation marks
	 * around one that contains a comma. A text that is itself a file's path is one file.
	 */
	private Object files(final Object value) {
		if (value instanceof List) return several((List<?>) value, File[].class);
		final File one = new File(text(value));
		return one.exists() ? new File[] {one} : converter.convert(text(value), File[].class);
	}

	/** A list as an array with each item converted, or as a text with commas for a script that splits it itself. */
	private Object several(final List<?> values, final Class<?> type) {
		if (type == String.class) return joined(values);
		if (type == Object.class || List.class.isAssignableFrom(type)) return plain(values);
		if (!type.isArray()) return null;
		final Object array = Array.newInstance(type.getComponentType(), values.size());
		for (int i = 0; i < values.size(); i++) {
			final Object item = convert(values.get(i), boxed(type.getComponentType()));
			if (item == null) return null;
			Array.set(array, i, item);
		}
		return array;
	}

	private static String joined(final List<?> values) {
		final List<String> texts = new ArrayList<>();
		for (final Object value : values) {
			final String text = text(value);
			texts.add(text.contains(",") ? '"' + text + '"' : text);
		}
		return String.join(",", texts);
	}

	private static List<Object> plain(final List<?> values) {
		final List<Object> plain = new ArrayList<>();
		for (final Object value : values) plain.add(plain(value));
		return plain;
	}

	/** Returns a string as it is, a number in the digits of the job file, a list's items with commas between them. */
	public static String text(final Object value) {
		if (value instanceof List) return joined((List<?>) value);
		return value instanceof BigDecimal ? ((BigDecimal) value).toString() : String.valueOf(value);
	}

	/** A number as the smallest of Integer, Long and Double that holds it. */
	private static Object plain(final Object value) {
		if (!(value instanceof BigDecimal)) return value;
		final BigDecimal number = (BigDecimal) value;
		if (number.scale() > 0 || number.precision() - number.scale() > 18) return number.doubleValue();
		final long whole = number.longValue();
		return whole == (int) whole ? (Object) (int) whole : (Object) whole;
	}

	private static Boolean truth(final Object value) {
		if (value instanceof Boolean) return (Boolean) value;
		final String text = text(value).trim().toLowerCase(java.util.Locale.ROOT);
		if ("true".equals(text) || "1".equals(text)) return true;
		return "false".equals(text) || "0".equals(text) ? Boolean.FALSE : null;
	}

	private static Character letter(final String text) {
		return text.length() == 1 ? text.charAt(0) : null;
	}

	private static Object number(final Object value, final Class<?> type) {
		if (value instanceof Boolean) return null;
		final String text = text(value).trim();
		if (type == Double.class) return real(text);
		if (type == Float.class) return small(real(text));
		final BigDecimal number = new BigDecimal(text);
		if (type == BigDecimal.class) return number;
		if (type == Number.class) return plain(number);
		final BigInteger whole = number.toBigIntegerExact();
		if (type == BigInteger.class) return whole;
		return whole(whole, type);
	}

	private static Object whole(final BigInteger whole, final Class<?> type) {
		if (type == Integer.class) return whole.intValueExact();
		if (type == Long.class) return whole.longValueExact();
		if (type == Short.class) return whole.shortValueExact();
		return type == Byte.class ? (Object) whole.byteValueExact() : null;
	}

	/** Infinity and NaN only if written as such: 1e999 is a mistake. */
	private static Double real(final String text) {
		final double number = Double.parseDouble(text);
		if ((Double.isInfinite(number) || Double.isNaN(number)) && text.matches(".*[0-9].*")) {
			throw new ArithmeticException(text);
		}
		return number;
	}

	private static Float small(final Double number) {
		final float small = number.floatValue();
		if (Float.isInfinite(small) && !number.isInfinite()) throw new ArithmeticException(number.toString());
		return small;
	}
}
