"""Which scripts need a display, by their text, for `setup` and the worker. Pure, standard library only.

What ImageJ's macro language calls windows of tables and of the log is there headless too (docs/scripts.md);
the ROI Manager, Bio-Formats' importer and windows that a script makes itself are not. A script that asks a
person by Java's own windows is not listed: a display would only let it wait.
"""

from __future__ import annotations

import re

DISPLAY_MODES = ("auto", "headless", "xvfb")

#: What to look for, and how a message names it. Headless, each ends in an exception.
NEEDS = (
    (
        r"\broiManager\s*\(|\bRoiManager\b|[\"']ROI Manager|To ROI Manager|\bADD_TO_MANAGER\b",
        "the ROI Manager",
    ),
    (r"Analyze Particles\.\.\.[\"']\s*,\s*[\"'][^\"'\n]*\badd\b", "the ROI Manager"),
    (r"Bio-Formats (?:Windowless )?Importer", "the Bio-Formats Importer"),
    (
        r"\b(?:new\s+)?(?:TextWindow|ImageWindow|StackWindow|JFrame|ImageCanvas|HistogramWindow)\s*\(",
        "a window",
    ),
    (r"run\([^\"'\n]*[\"']Histogram[\"']", "a histogram"),
    # Without windows ij.WindowManager counts none, whatever images are open (ImageJ 1.54p).
    (r"\b(?:getWindowCount|getNthImageID)\s*\(", "the windows of images"),
    (r"\.getWindow\(\)|\.getCanvas\(\)", "the window of an image"),
    (
        r"run\([^\"'\n]*[\"'](?:3D Viewer|Volume Viewer|Synchronize Windows|3D Surface Plot)",
        "a viewer",
    ),
)
#: Windows of Java's own that ask a person, who is not there: with a display they wait, without one they fail
#: at once. What ImageJ asks, the job answers.
ASKS = re.compile(r"\b(?:JOptionPane|JFileChooser|FileDialog|JDialog)\b")
_NEEDS = [(re.compile(pattern), name) for pattern, name in NEEDS]


def find_need_of_display(script: str) -> str | None:
    """Return what in a script's text needs a display, as "the ROI Manager", or None."""
    return next((name for pattern, name in _NEEDS if pattern.search(script)), None)


def asks_a_person(script: str) -> bool:
    """Whether a script's text has dialogs of Java's own in it: a display would not help those."""
    return ASKS.search(script) is not None
