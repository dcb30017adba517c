"""Which of a file's jobs may write the same output. Pure."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from worker.contract.locations import prefix_of

#: Number and output_file_location of jobs.
Located = Iterable[tuple[int, str]]


@dataclass(frozen=True)
class Shared:
    """Two jobs (by number) whose outputs can collide: their locations are equal, nested or alike."""

    first: int
    second: int
    how: str


class Locations:
    """The locations of many jobs, as hashes of eight bytes: few can collide, and only these are compared."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._above: set[int] = set()
        self._last = ""

    def add(self, location: str) -> None:
        """Take in one job's location."""
        prefix = _folded(prefix_of(location))
        self._hashes.append(hash(prefix))
        parent = prefix[: prefix.rfind("/", 0, -1) + 1]
        if prefix and (parent != self._last or not self._above):
            self._last = parent
            self._above.update(map(hash, _parents(prefix)))

    def find_shared(self, again: Callable[[], Located]) -> Shared | None:
        """Return what `find_shared` finds. `again` yields all locations once more, if it has to be known."""
        twice, outer = repeated(self._hashes), self._above.intersection(self._hashes)
        if not twice and not outer:
            return None

        def may_collide(location: str) -> bool:
            prefix = _folded(prefix_of(location))
            return (
                hash(prefix) in twice
                or hash(prefix) in outer
                or not outer.isdisjoint(map(hash, _parents(prefix)))
            )

        return find_shared((number, location) for number, location in again() if may_collide(location))


def repeated(numbers: array[int]) -> set[int]:
    """Return the numbers that appear more than once."""
    return {one for one, other in pairwise(sorted(numbers)) if one == other}


def find_shared(locations: Located) -> Shared | None:
    """Return the first two jobs whose locations are equal, or where one is inside the other; or None.

    `alike`: they differ in case, or in how accents are encoded, which S3 distinguishes but the disks of macOS
    and Windows do not.
    """
    numbers: dict[str, int] = {}
    for number, location in locations:
        earlier = numbers.setdefault(prefix_of(location), number)
        if earlier != number:
            return Shared(earlier, number, "equal")
    folded: dict[str, int] = {}
    for prefix, number in numbers.items():
        outer = next((one for one in _parents(prefix) if one in numbers), None)
        if outer is not None:
            return Shared(numbers[outer], number, "nested")
        alike = folded.setdefault(_folded(prefix), number)
        if alike != number:
            return Shared(alike, number, "alike")
    return None


def _folded(prefix: str) -> str:
    return prefix.lower() if prefix.isascii() else unicodedata.normalize("NFC", prefix).casefold()


def _parents(prefix: str) -> Iterable[str]:
    """Yield the prefixes that a prefix is inside of, the bucket's root first."""
    if not prefix:
        return
    yield ""
    parts = prefix.rstrip("/").split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length]) + "/"
