"""Whether FIJI runs headless or under a virtual display (DISPLAY_MODE).

`auto` starts headless, which is faster and lets no dialog wait. It changes when a script shows that it needs
a display: by its text, or by a run that failed for lack of one. From then on, each of the worker's FIJIs has
its own display (xvfb-run), which ends with it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.display import asks_a_person, find_need_of_display
from worker.host.folders import FolderMark, RunFolder, mark_of

log = logging.getLogger(__name__)

XVFB_RUN = "xvfb-run"
#: The runner's kind for it, and what Java says: java.awt.HeadlessException, and a VerifyError if a plugin
#: takes FIJI's headless GenericDialog for a window (ome/bioformats#4372).
NEEDS_DISPLAY = "needs_display"
NO_DISPLAY = re.compile(r"HeadlessException|GenericDialog is not assignable")

#: A plugin that uses parts of its dialog directly, such as `getStringFields()`, finds none without a display
#: (ij.plugin.ChannelArranger, ImageJ 1.54p).
PLUGIN_ERROR = "plugin_error"
NO_PART = re.compile(r"NullPointerException")

#: Identifies the files of a run, and detects changes to them, by path.
Files = dict[str, FolderMark]


@dataclass
class Display:
    """The choice for the FIJIs of one worker. `may_change`: a run may still show that a display is needed."""

    is_on: bool
    may_change: bool = False

    def look_at(self, folder: RunFolder) -> Files:
        """Return the files in a script's folder, as long as the script may have to run there again."""
        return _inputs_in(folder) if self.may_change else {}

    def is_wanted_after(self, result: Mapping[str, Any] | None) -> bool:
        """Whether a run failed for lack of a display that it can have."""
        if not self.may_change or result is None or result.get("ok"):
            return False
        said = f"{result.get('message')}\n{result.get('trace')}"
        thrown = "\n".join(_thrown(result))
        if NO_PART.search(said if result.get("kind") == PLUGIN_ERROR else thrown):
            return True
        said = f"{said}\n{thrown}"
        return result.get("kind") == NEEDS_DISPLAY or NO_DISPLAY.search(said) is not None

    def turn_on(self) -> None:
        """Run under a display from now on."""
        log.warning("the script needs a display: from now on FIJI runs with a virtual one (DISPLAY_MODE)")
        self.is_on, self.may_change = True, False


def _thrown(result: Mapping[str, Any]) -> list[str]:
    """Return what commands threw while the script continued."""
    warnings = result.get("warnings")
    texts = (
        [item.get("text") for item in warnings if isinstance(item, dict)]
        if isinstance(warnings, list)
        else []
    )
    return [text for text in texts if isinstance(text, str) and " threw " in text]


def choose_display(mode: str, script: str, *, has_xvfb: bool | None = None) -> Display:
    """Return how to run a script, by DISPLAY_MODE, its text, and whether this machine has xvfb-run."""
    if mode != "auto":
        return Display(is_on=mode == "xvfb")
    if has_xvfb is None:
        has_xvfb = shutil.which(XVFB_RUN) is not None
    need = find_need_of_display(script)
    if need and has_xvfb:
        log.info("the script uses %s: FIJI runs with a virtual display (DISPLAY_MODE)", need)
    elif need:
        log.warning("the script uses %s, which needs a display, but this machine has no %s", need, XVFB_RUN)
    is_on = need is not None and has_xvfb
    return Display(is_on, may_change=has_xvfb and not is_on and not asks_a_person(script))


def is_as_before(folder: RunFolder, before: Files) -> bool:
    """Whether a run left its folder unchanged, except for `output/`, so that it can be run there again."""
    try:
        return _inputs_in(folder) == before
    except OSError:
        # The script has made a folder unreadable.
        return False


def _inputs_in(folder: RunFolder) -> Files:
    """Uses os.scandir, since lent folders may hold thousands of files and every job pays for this."""
    found: Files = {}
    output = str(folder.output)

    def look(inside: str) -> None:
        with os.scandir(inside) as entries:
            for one in entries:
                if not one.is_dir(follow_symlinks=False):
                    found[one.path] = mark_of(one.stat(follow_symlinks=False))
                elif one.path != output:
                    look(one.path)

    look(str(folder.work))
    return found
