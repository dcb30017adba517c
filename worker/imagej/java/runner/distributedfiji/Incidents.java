package distributedfiji;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What went wrong, or was made up, while a script continued: ImageJ and the JVM only print such things. */
final class Incidents {

	/** Beyond this number they are only counted. */
	private static final int KEPT = 50;

	/** One incident. {@code fails}: it fails the job unless the job says otherwise. */
	static final class Incident {

		final String text;
		final Integer line;
		final String trace;
		final boolean fails;

		Incident(final String text, final Integer line, final String trace, final boolean fails) {
			this.text = text;
			this.line = line;
			this.trace = trace;
			this.fails = fails;
		}
	}

	private final List<Incident> incidents = new ArrayList<>();
	private int more;
	private boolean moreFail;
	private volatile Integer lastLine;

	/** Notes an error after which the script continued. */
	void failure(final String text, final Integer line, final String trace) {
		add(new Incident(text, line, trace, true));
	}

	/** Notes something that a person should know but that does not fail the job. */
	void warning(final String text, final Integer line) {
		add(new Incident(text, line, null, false));
	}

	private synchronized void add(final Incident incident) {
		at(incident.line);
		for (final Incident known : incidents) {
			if (known.text.equals(incident.text) && String.valueOf(known.line).equals(String.valueOf(incident.line))) return;
		}
		if (incidents.size() < KEPT) incidents.add(incident);
		else {
			more++;
			moreFail |= incident.fails;
		}
	}

	/** Notes where the script is. */
	void at(final Integer line) {
		if (line != null) lastLine = line;
	}

	/** The last line of the script that is known to have been reached, or null. */
	Integer lastLine() {
		return lastLine;
	}

	/** The first that fails the job, or null. */
	synchronized Incident firstFailure() {
		for (final Incident incident : incidents) if (incident.fails) return incident;
		return null;
	}

	/** Returns them for a job's result file, without the one that contains {@code told}, which it reports anyway. */
	synchronized List<Object> document(final String told) {
		final List<Object> document = new ArrayList<>();
		for (final Incident incident : incidents) {
			if (told == null || !told.contains(incident.text.replaceFirst("^ImageJ said: ", ""))) document.add(entry(incident.text, incident.line, incident.fails));
		}
		if (more > 0) document.add(entry("and " + more + " more", null, moreFail));
		return document;
	}

	private static Map<String, Object> entry(final String text, final Integer line, final boolean fails) {
		final Map<String, Object> entry = new LinkedHashMap<>();
		entry.put("text", text);
		entry.put("line", line);
		if (fails) entry.put("fails", true);
		return entry;
	}
}
