package distributedfiji;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes JSON: strings, booleans, null, lists, maps, and numbers as {@link BigDecimal} so that no digit is
 * lost. Neither scijava-common nor Java 8 has a parser, and the one that FIJI includes has changed.
 */
final class Json {

	private final String text;
	private int at;

	private Json(final String text) {
		this.text = text;
	}

	/** Returns the value that a JSON text holds. */
	static Object read(final String text) {
		final Json reader = new Json(text);
		final Object value = reader.value();
		reader.space();
		if (reader.at < text.length()) throw reader.wrong("the end");
		return value;
	}

	private Object value() {
		space();
		if (at >= text.length()) throw wrong("a value");
		switch (text.charAt(at)) {
			case '{': return object();
			case '[': return array();
			case '"': return string();
			case 't': return word("true", Boolean.TRUE);
			case 'f': return word("false", Boolean.FALSE);
			case 'n': return word("null", null);
			default: return number();
		}
	}

	private Map<String, Object> object() {
		final Map<String, Object> map = new LinkedHashMap<>();
		at++;
		if (next('}')) return map;
		do {
			space();
			final String key = string();
			expect(':');
			map.put(key, value());
		}
		while (next(','));
		expect('}');
		return map;
	}

	private List<Object> array() {
		final List<Object> list = new ArrayList<>();
		at++;
		if (next(']')) return list;
		do list.add(value());
		while (next(','));
		expect(']');
		return list;
	}

	private String string() {
		if (at >= text.length() || text.charAt(at) != '"') throw wrong("a string");
		final StringBuilder out = new StringBuilder();
		for (at++; at < text.length(); at++) {
			final char c = text.charAt(at);
			if (c == '"') {
				at++;
				return out.toString();
			}
			out.append(c == '\\' ? escaped() : c);
		}
		throw wrong("the end of a string");
	}

	private char escaped() {
		if (++at >= text.length()) throw wrong("an escape");
		switch (text.charAt(at)) {
			case 'n': return '\n';
			case 't': return '\t';
			case 'r': return '\r';
			case 'b': return '\b';
			case 'f': return '\f';
			case 'u':
				if (at + 4 >= text.length()) throw wrong("four hex digits");
				at += 4;
				return (char) Integer.parseInt(text.substring(at - 3, at + 1), 16);
			default: return text.charAt(at);
		}
	}

	private Object word(final String word, final Object value) {
		if (!text.startsWith(word, at)) throw wrong(word);
		at += word.length();
		return value;
	}

	private BigDecimal number() {
		final int start = at;
		while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
		try {
			return new BigDecimal(text.substring(start, at));
		}
		catch (final NumberFormatException notANumber) {
			throw wrong("a value");
		}
	}

	private boolean next(final char wanted) {
		space();
		final boolean found = at < text.length() && text.charAt(at) == wanted;
		if (found) at++;
		return found;
	}

	private void expect(final char wanted) {
		if (!next(wanted)) throw wrong("'" + wanted + "'");
	}

	private void space() {
		while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
	}

	private IllegalArgumentException wrong(final String wanted) {
		return new IllegalArgumentException("not JSON: " + wanted + " expected at character " + at);
	}

	/** Returns the JSON text of a map, list, string, number, boolean or null. */
	static String write(final Object value) {
		if (value instanceof Map) return writeMap((Map<?, ?>) value);
		if (value instanceof Iterable) return writeList((Iterable<?>) value);
		if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
		return quote(value.toString());
	}

	private static String writeMap(final Map<?, ?> map) {
		final StringBuilder out = new StringBuilder();
		for (final Map.Entry<?, ?> entry : map.entrySet()) {
			out.append(out.length() == 0 ? "{" : ", ");
			out.append(quote(entry.getKey().toString())).append(": ").append(write(entry.getValue()));
		}
		return out.length() == 0 ? "{}" : out.append("}").toString();
	}

	private static String writeList(final Iterable<?> list) {
		final StringBuilder out = new StringBuilder();
		for (final Object item : list)
			out.append(out.length() == 0 ? "[" : ", ").append(write(item));
		return out.length() == 0 ? "[]" : out.append("]").toString();
	}

	private static String quote(final String text) {
		final StringBuilder out = new StringBuilder("\"");
		for (final char c : text.toCharArray()) {
			// Half a surrogate pair has no UTF-8 form: escape both halves of every pair.
			if (c < ' ' || Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
			else if (c == '"' || c == '\\') out.append('\\').append(c);
			else out.append(c);
		}
		return out.append('"').toString();
	}
}
