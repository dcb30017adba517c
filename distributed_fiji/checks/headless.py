"""Calls in a script that work for a person at a screen but not in a job, each with an alternative. Pure.

docs/scripts.md has the same list. Jobs answer what ImageJ asks. What needs a display gets one automatically,
unless DISPLAY_MODE forbids it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from distributed_fiji.findings import Finding, doubts
from distributed_fiji.settings import Settings
from worker.contract.display import find_need_of_display

#: What to use without a display, by what needs one (worker.contract.display).
CURES = {
    "the ROI Manager": "use overlays (Overlay.addSelection, Overlay.measure)",
    "the Bio-Formats Importer": "use Ext.openImagePlus or BF.openImagePlus",
    "a window": "use ResultsTable, or IJ.log",
    "a histogram": "use getHistogram, or getStatistics().histogram",
    "the windows of images": "use getImageCount, or WindowManager.getIDList",
}
#: What fails even with a display: the pattern to look for, why it fails, and the alternative.
TRAPS = (
    (r"\b(?:JOptionPane|JFileChooser|FileDialog|JDialog)\b", "this window of Java's own waits for a person",
     "declare `#@` parameters, or use ImageJ's dialogs, which jobs answer"),
    (r"\bnew\s+JFrame\b|\bJFrame\s*\(", "nobody sees this window", "leave it out"),
    (r"\bwaitForUser\s*\([^)\n]*\b(?i:draw|select|outline|click|trace|mark)\b", "nobody draws in a job",
     "let the script find it, or give it as a ROI file"),
    (r"\beval\s*\(\s*[\"'](?:script|js)[\"']\s*,(?!\s*[\"']\s*(?:java\.lang\.)?System\.exit)",
     "Java has no JavaScript engine since version 15", "write it in the macro language, or as Groovy"),
)  # fmt: skip
_TRAPS = [(re.compile(pattern), why, cure) for pattern, why, cure in TRAPS]
COMMENT = re.compile(r"^[ \t]*(?://|#(?!@)).*$", re.MULTILINE)


def headless_findings(settings: Settings, text: str) -> list[Finding]:
    """Return which of a script's calls do not work in a job, and what to do instead."""
    return doubts("headless", _lines(settings, COMMENT.sub("", text)))


def _lines(settings: Settings, text: str) -> Iterator[str]:
    need = find_need_of_display(text) if settings.DISPLAY_MODE == "headless" else None
    if need:
        cure = f", or {CURES[need]}" if need in CURES else ""
        yield f"it uses {need}, which fails without a display: leave out DISPLAY_MODE = 'headless'{cure}"
    for pattern, why, cure in _TRAPS:
        if found := pattern.search(text):
            number = text.count("\n", 0, found.start()) + 1
            yield f"line {number}: {' '.join(found[0].split()).strip('( ')}: {why}; {cure}"
