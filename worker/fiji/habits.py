"""What a script counts on that a person or their machine does, and a job must do instead. Pure.

A person opens the image that it works on and reads the tables that it leaves open; Windows takes its slashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from worker.contract.images import is_nothing_without_images, wants_all_images, wants_image_in_front

#: A folder that goes on with a backslash, as scripts have it: `dir + "\\"`, `"\\ROI\\" + name`. Orders to the
#: log, as `"\\Clear"`, are none, nor are classes of characters, as `"\\d+"`.
_BACKSLASHES = re.compile(
    r"\\\\(?=[\"'])"
    r"|(?<=[\"'])\\\\(?!(?:Clear|Update|Close|Headings|Insert|Delete|Get|Set)\b|Update\d)\w{3,}"
    r"|\w\\\\\w{3,}"
)


@dataclass(frozen=True)
class Habits:
    """What is done for a script.

    `opens_input`: the job's one input is opened before it starts; `opens_all`: so are all of them.
    `needs_images`: without an image it has done nothing, whatever it saved. `backslashes`: paths in the job's
    folders may go on with backslashes. `keeps_tables`: tables that it leaves open are saved.
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
