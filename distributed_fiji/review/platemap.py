"""Plates as small maps of characters, one mark per well, for the terminal. Pure.

A mark has a shape and a color, so that either is enough. A plate of 384 wells has 27 columns of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from distributed_fiji.plates import SIZES, Place, row_letters

#: Columns between two adjacent plates, and the most plates shown.
GAP, MOST_PLATES = 3, 24
#: Plate sizes that are recognized by the wells in use.
USUAL = (96, 384, 1536)


class Mark(Enum):
    """What became of a well: its sign, its ASCII sign, its color, its meaning."""

    GIVEN_UP = ("✖", "X", "red", "given up")
    FAILED = ("▲", "!", "yellow", "failed, to be tried again")
    WAITING = ("·", ".", "dim", "running or waiting")
    CHECK = ("◆", "?", "magenta", "done, worth checking")
    DONE = ("●", "o", "green", "done")
    ABSENT = (" ", " ", "", "not submitted")

    def sign(self, *, ascii_only: bool) -> str:
        """Return its character."""
        return self.value[1] if ascii_only else self.value[0]

    @property
    def color(self) -> str:
        return self.value[2]

    @property
    def meaning(self) -> str:
        return self.value[3]


#: The worst first: a well with several jobs shows its worst one.
ORDER = {mark: number for number, mark in enumerate(Mark)}

#: A piece of a line, and its color.
Piece = tuple[str, str]


@dataclass
class PlateMap:
    """The wells of a run's plates. `size`: wells of a plate."""

    plates: Mapping[str, Mapping[Place, list[str]]]
    size: int

    @staticmethod
    def of(wells: Iterable[tuple[str, str, Place]]) -> PlateMap | None:
        """Return the map of jobs with their plates and places; None if they fit on no usual plate."""
        plates: dict[str, dict[Place, list[str]]] = {}
        for job, plate, place in wells:
            plates.setdefault(plate, {}).setdefault(place, []).append(job)
        places = [place for met in plates.values() for place in met]
        if not places:
            return None
        rows, columns = max(row for row, _ in places), max(column for _, column in places)
        fitting = (size for size in USUAL if rows <= SIZES[size][0] and columns <= SIZES[size][1])
        size = next(fitting, 0)
        return PlateMap(plates, size) if size else None

    def lines(
        self, marks: Mapping[str, Mark], width: int, *, ascii_only: bool = False
    ) -> Iterator[list[Piece]]:
        """Yield the maps, as many side by side as fit into a width, then the legend.

        `marks`: by job; a job without one is waiting.
        """
        names = sorted(self.plates)
        side_by_side = max(1, (width + GAP) // (self._width + GAP))
        shown = names[:MOST_PLATES]
        for start in range(0, len(shown), side_by_side):
            blocks = [
                list(self._block(name, marks, ascii_only)) for name in shown[start : start + side_by_side]
            ]
            for parts in zip(*blocks, strict=True):
                yield _joined(parts)
        if len(names) > len(shown):
            yield [(f"and {len(names) - len(shown)} more plates", "dim")]
        yield self._legend(marks, ascii_only)

    @property
    def _width(self) -> int:
        return len(row_letters(SIZES[self.size][0])) + 1 + SIZES[self.size][1]

    def _block(self, plate: str, marks: Mapping[str, Mark], ascii_only: bool) -> Iterator[list[Piece]]:
        """Yield the lines of a plate: its name and column numbers, then a line for each row."""
        rows, columns = SIZES[self.size]
        label = self._width - columns
        yield [(plate[: self._width].ljust(self._width), "bold")]
        numbers = "".join(str(column).ljust(5) for column in range(1, columns + 1, 5))[:columns]
        yield [(" " * label + numbers.ljust(columns), "dim")]
        for row in range(1, rows + 1):
            wells = [self._mark(plate, (row, column), marks) for column in range(1, columns + 1)]
            yield [(row_letters(row).ljust(label), "dim"), *_runs(wells, ascii_only)]

    def _mark(self, plate: str, place: Place, marks: Mapping[str, Mark]) -> Mark:
        jobs = self.plates[plate].get(place)
        if not jobs:
            return Mark.ABSENT
        return min((marks.get(job, Mark.WAITING) for job in jobs), key=ORDER.__getitem__)

    def _legend(self, marks: Mapping[str, Mark], ascii_only: bool) -> list[Piece]:
        """Return the legend of the marks on the maps, with the number of wells for each."""
        counts = dict.fromkeys(Mark, 0)
        for plate, wells in self.plates.items():
            for place in wells:
                counts[self._mark(plate, place, marks)] += 1
        met = [mark for mark in reversed(Mark) if counts[mark]]
        pieces: list[Piece] = []
        for mark in met:
            pieces += [
                (mark.sign(ascii_only=ascii_only), mark.color),
                (f" {counts[mark]} {mark.meaning}  ", ""),
            ]
        return [*pieces, ("(wells)", "dim")]


def _runs(wells: Sequence[Mark], ascii_only: bool) -> Iterator[Piece]:
    """Yield wells as pieces, with neighbors in a row that are alike combined."""
    start = 0
    for end in range(1, len(wells) + 1):
        if end == len(wells) or wells[end] is not wells[start]:
            yield wells[start].sign(ascii_only=ascii_only) * (end - start), wells[start].color
            start = end


def _joined(parts: Sequence[list[Piece]]) -> list[Piece]:
    """Combine lines of adjacent plates into one."""
    joined: list[Piece] = []
    for part in parts:
        joined += [(" " * GAP, "")] if joined else []
        joined += part
    return joined
