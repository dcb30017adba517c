"""What a key pattern matches, in time bounded by pattern times key. Pure; both sides need it.

`*` and `?` match anything but "/", and not a dot at the start of a name, as in a shell. A pattern that ends
with "/" matches everything below. All other characters match themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile

WILDCARDS = re.compile(r"[*?]")


@dataclass(frozen=True)
class Glob:
    """A compiled pattern: a test for each of its parts between slashes."""

    parts: tuple[Callable[[str], bool], ...]
    all_below: bool

    def matches(self, key: str) -> bool:
        """Whether the whole key matches."""
        if self.all_below:
            names = key.split("/", len(self.parts))
            return len(names) == len(self.parts) + 1 and self._fit(names[:-1])
        return key.count("/") + 1 == len(self.parts) and self._fit(key.split("/"))

    def _fit(self, names: list[str]) -> bool:
        return all(fits(name) for fits, name in zip(self.parts, names, strict=True))


def read_glob(pattern: str) -> Glob:
    """Return a compiled pattern; any text is one."""
    all_below = pattern.endswith("/")
    parts = (pattern[:-1] if all_below else pattern).split("/")
    return Glob(tuple(_part(text) for text in parts), all_below)


def means_output(pattern: str, path: str) -> bool:
    """Whether a pattern means an output: by its name, or by its path below the job's location.

    As in `fnmatch`, so that `*` matches slashes too.
    """
    return fnmatchcase(path.rpartition("/")[2], pattern) or fnmatchcase(path, pattern)


def literal_start(pattern: str) -> str:
    """Return what every match begins with: the text before the first wildcard."""
    wildcard = WILDCARDS.search(pattern)
    return pattern[: wildcard.start()] if wildcard else pattern


def common_start(texts: Collection[str]) -> str:
    """Return what all of some texts begin with. Raises ValueError if there are none.

    What the first and the last of them in order share, all between them share too.
    """
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _part(text: str) -> Callable[[str], bool]:
    """Return the test for the part between two slashes."""
    if not WILDCARDS.search(text):
        return text.__eq__
    pieces = [_Piece(piece) for piece in text.split("*")]
    takes_dots = not text.startswith(("*", "?"))
    return lambda name: (takes_dots or not name.startswith(".")) and _fits(pieces, name)


class _Piece:
    """The part between two stars: characters, and `?` for any one."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._text = text
        # Nothing in it repeats, so a search takes time of at most name times length.
        self._regex = (
            re.compile("".join("." if one == "?" else re.escape(one) for one in text), re.DOTALL)
            if "?" in text
            else None
        )

    def is_at(self, name: str, position: int) -> bool:
        if self._regex:
            return self._regex.match(name, position) is not None
        return name.startswith(self._text, position)

    def end_in(self, name: str, start: int, end: int) -> int:
        """Return where its first occurrence between two positions ends; -1 if there is none."""
        if self._regex:
            found = self._regex.search(name, start, end)
            return found.end() if found else -1
        place = name.find(self._text, start, end)
        return place + self.length if place >= 0 else -1


def _fits(pieces: list[_Piece], name: str) -> bool:
    """Whether a name consists of pieces with anything between them.

    Each piece's first occurrence is the best.
    """
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return len(name) == first.length and first.is_at(name, 0)
    end = len(name) - last.length
    if end < first.length or not first.is_at(name, 0) or not last.is_at(name, end):
        return False
    position = first.length
    for piece in pieces[1:-1]:
        position = piece.end_in(name, position, end)
        if position < 0:
            return False
    return True
