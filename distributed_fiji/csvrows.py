"""The rows of CSV files as people and Excel write them. Values stay text, exactly as in the file. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from worker.contract.jobs import PARAMETER_NAME

DELIMITERS = ",;\t"
#: How Excel itself names the delimiter, in the very first line.
EXCELS_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
#: The prefix that CellProfiler's LoadData requires for everything that is not an image ("LoadData",
#: CellProfiler manual).
LOAD_DATA = re.compile(r"(?:Image_)?Metadata_(?=.)")


def read_rows(text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that has any, with its number. Raises csv.Error.

    `text`: opened with newline="", and able to seek.
    """
    found, skipped = EXCELS_LINE.match(text.readline()), 1
    if not found:
        text.seek(0)
        skipped = 0
    delimiter = found[1] if found else _delimiter(text)
    reader, begun = csv.reader(text, delimiter=delimiter, strict=True), 1
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield begun + skipped, cells
        begun = reader.line_num + 1


def _delimiter(text: TextIO) -> str:
    """Return the delimiter that gives most columns in the first line with content; the text is left at its
    start.
    """
    first = next((line for line in text if line.strip(f" \r\n{DELIMITERS}")), "")
    text.seek(0)
    return max(DELIMITERS, key=lambda one: len(next(csv.reader([first], delimiter=one), [])))


def column_names(cells: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the columns' names as parameters can have them, which ones were changed, and problems."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    names, renamed, problems = [], [], []
    for number, cell in enumerate(cells, 1):
        name = re.sub(r"[^A-Za-z0-9]+", "_", LOAD_DATA.sub("", cell)).strip("_") if cell else ""
        name = cell if PARAMETER_NAME.match(cell) and not LOAD_DATA.match(cell) else name
        if not PARAMETER_NAME.match(name):
            problems.append(
                f"column {number} is called {cell!r}: a name has letters, digits and _, no digit first"
            )
        elif name in names:
            problems.append(f"column {number}, {cell!r}, has the same name as another, {name}")
        elif name != cell:
            renamed.append(f"the column {cell!r} is called {name}")
        names.append(name)
    return names, renamed, problems


def named_cells(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return a row's cells by the names of their columns; empty cells are left out."""
    return {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}


def in_no_column(names: Sequence[str], cells: Sequence[str]) -> str:
    """Return the problem of a row that has more cells than there are columns, '' if it has none."""
    extra = next((cell for cell in cells[len(names) :] if cell), "")
    return f"{extra!r} stands in no column" if extra else ""
