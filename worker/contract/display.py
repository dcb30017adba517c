"""Which scripts need a display, by their text, for `setup` and the worker. Pure, standard library only.

The windows of tables and of the log in ImageJ's macro language also exist headless (docs/scripts.md). The ROI
Manager, Bio-Formats' importer and windows that a script makes itself do not. A script that asks a person
through Java's own windows is not listed: a display would only let it wait.
"""

from __future__ import annotations

import re

DISPLAY_MODES = ("auto", "headless", "xvfb")

#: What to look for, and how a message names it. Headless, each causes an exception.
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
    # Without windows, ij.WindowManager counts none, whichever images are open (ImageJ 1.54p).
    (r"\b(?:getWindowCount|getNthImageID)\s*\(", "the windows of images"),
    (r"\.getWindow\(\)|\.getCanvas\(\)", "the window of an image"),
    (
        r"run\([^\"'\n]*[\"'](?:3D Viewer|Volume Viewer|Synchronize Windows|3D Surface Plot)",
        "a viewer",
    ),
)
#: Java's own windows that ask a person, who is not there. With a display they wait; without one they fail at
#: once. The job answers what ImageJ asks.
ASKS = re.compile(r"\b(?:JOptionPane|JFileChooser|FileDialog|JDialog)\b")
_NEEDS = [(re.compile(pattern), name) for pattern, name in NEEDS]


def find_need_of_display(script: str) -> str | None:
    """Return what in a script's text needs a display, such as "the ROI Manager", or None."""
    return next((name for pattern, name in _NEEDS if pattern.search(script)), None)


def asks_a_person(script: str) -> bool:
    """Whether a script's text contains Java's own dialogs: a display would not help those."""
    return ASKS.search(script) is not None
