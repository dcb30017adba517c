"""Wells by their names and numbers, plates of the usual sizes, and missing wells. Pure.

Rows go from A to Z, then AA to AF on a plate of 1,536 wells (ANSI SLAS 4-2004 has sizes and positions).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: Rows and columns of a plate by its number of wells.
SIZES = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}

WELL = re.compile(r"\s*([A-Za-z]{1,2})[-_ ]?0*([1-9]\d{0,2})\s*\Z", re.ASCII)
ROW = re.compile(r"[A-Za-z]{1,2}\Z")

#: A well by its row and column, from 1.
Place = tuple[int, int]


def row_number(letters: str) -> int:
    """Return a row's number, from 1: A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def row_letters(number: int) -> str:
    """Return a row's letters."""
    before, last = divmod(number - 1, 26)
    return (row_letters(before) if before else "") + chr(ord("A") + last)


def well_name(place: Place) -> str:
    """Return a well's name, with two digits: A01, AF48."""
    return f"{row_letters(place[0])}{place[1]:02}"


def read_well(text: Any) -> Place | None:
    """Return the place that a well's name means in any notation (A1, a01, A001); None if it is not a well."""
    found = WELL.match(text) if isinstance(text, str) else None
    return (row_number(found[1]), int(found[2])) if found else None


def place_of(group: Mapping[str, Any]) -> Place | None:
    """Return the place of a group of metadata: from its Well, or its Row and Column; None if it has none."""
    folded = {name.casefold(): value for name, value in group.items()}
    if "well" in folded:
        return read_well(folded["well"])
    column = str(folded.get("column", folded.get("col", "")))
    row = str(folded.get("row", ""))
    if not column.isdecimal() or not int(column):
        return None
    if ROW.match(row):
        return row_number(row), int(column)
    return (int(row), int(column)) if row.isdecimal() and int(row) else None


def plate_of(group: Mapping[str, Any]) -> str:
    """Return the plate of a group of metadata; '' if it names none."""
    return next((str(value) for name, value in group.items() if name.casefold() == "plate"), "")


def read_rows(text: str) -> list[int]:
    """Return the rows in a text such as `A-D,F`. Raises ValueError with a sentence."""
    return _read_ranges(text, ROW, row_number, "rows are letters, as A-H or A,C")


def read_columns(text: str) -> list[int]:
    """Return the columns in a text such as `1-6,9`. Raises ValueError with a sentence."""
    return _read_ranges(
        text, re.compile(r"0*[1-9]\d{0,2}\Z", re.ASCII), int, "columns are numbers, as 1-12 or 2,4"
    )


def _read_ranges(text: str, one: re.Pattern[str], number: Any, wanted: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(one.match(end) for end in ends):
            raise ValueError(f"{part.strip()!r}: {wanted}")
        first, last = number(ends[0]), number(ends[-1])
        if last < first:
            raise ValueError(f"{part.strip()!r} goes backwards")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def places(rows: Iterable[int], columns: Iterable[int]) -> list[Place]:
    """Return the wells of these rows and columns, row by row."""
    columns = list(columns)
    return [(row, column) for row in rows for column in columns]


def rectangle(met: Iterable[Place]) -> set[Place]:
    """Return the wells of the smallest rectangle around these, as a screen without edge wells covers."""
    met = set(met)
    if not met:
        return set()
    rows, columns = zip(*met, strict=True)
    return set(places(range(min(rows), max(rows) + 1), range(min(columns), max(columns) + 1)))


def absent(groups: Iterable[Mapping[str, Any]], expected: Iterable[Place] = ()) -> list[str]:
    """Return the expected wells of each plate that no group has, such as `P1 A01`.

    `expected`: if none, the rectangle that all plates' wells span.
    """
    return list(absent_wells(groups, expected)[1])


def absent_wells(
    groups: Iterable[Mapping[str, Any]], expected: Iterable[Place] = ()
) -> tuple[int, Iterator[str]]:
    """Return how many wells are absent, and their names as `absent` has them, made one at a time."""
    met, everywhere = dict[str, int](), dict[Place, int]()
    for group in groups:
        if place := place_of(group):
            # A bit for each well of a plate, since there may be thousands of plates.
            bit = everywhere.setdefault(place, 1 << len(everywhere))
            plate = plate_of(group)
            met[plate] = met.get(plate, 0) | bit
    wanted = [(place, everywhere.get(place, 0)) for place in sorted(set(expected) or rectangle(everywhere))]
    return sum(sum(not bit & one for _, bit in wanted) for one in met.values()), (
        f"{plate} {well_name(place)}".strip()
        for plate, one in met.items()
        for place, bit in wanted
        if not bit & one
    )
