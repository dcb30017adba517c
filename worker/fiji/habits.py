"""Things that scripts leave to a person or their computer, and that a job must do instead. Pure.

A person opens the image to work on, and reads the tables that are left open. Windows accepts backslashes in
paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from worker.contract.images import is_nothing_without_images, wants_all_images, wants_image_in_front

#: A folder followed by a backslash, as in `dir + "\\"` or `"\\ROI\\" + name`. Commands to the log, such as
#: `"\\Clear"`, are not meant, nor are character classes, such as `"\\d+"`.
_BACKSLASHES = re.compile(
    r"\\\\(?=[\"'])"
    r"|(?<=[\"'])\\\\(?!(?:Clear|Update|Close|Headings|Insert|Delete|Get|Set)\b|Update\d)\w{3,}"
    r"|\w\\\\\w{3,}"
)


@dataclass(frozen=True)
class Habits:
    """What is done for a script.

    `opens_input`: the job's only input is opened before it starts; `opens_all`: so are all of its inputs.
    `needs_images`: without an image it has done nothing, whatever it saved. `backslashes`: paths in the job's
    folders may contain backslashes. `keeps_tables`: tables that it leaves open are saved.
    """

    opens_input: bool = False
    opens_all: bool = False
    needs_images: bool = False
    backslashes: bool = False
    keeps_tables: bool = False


NO_HABITS = Habits()


def find_habits(script: str, ending: str, *, keeps_tables: bool = False) -> Habits:
    """Return a script's habits by its text. `ending`: of `ending_of`; `keeps_tables`: by COLLECT_ALL."""
    return Habits(
        opens_input=wants_image_in_front(script, ending),
        opens_all=wants_all_images(script, ending),
        needs_images=is_nothing_without_images(script, ending),
        backslashes=_BACKSLASHES.search(script) is not None,
        keeps_tables=keeps_tables,
    )
