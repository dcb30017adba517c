"""Merge many small tables into one large one, in two passes: the first stores them, the second writes.

The columns are known only after the first pass. Memory holds one table at a time, and a disk the rest.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from distributed_fiji.plates import place_of, plate_of, well_name
from distributed_fiji.review.csvtext import CsvTable, encoded
from distributed_fiji.wholefiles import replacing

#: How metadata are named: unchanged, or as cytomining's programs expect them.
PLAIN, CYTOMINING = "plain", "cytomining"
PREFIX = "Metadata_"

#: Columns of every row besides its job's metadata: the job's id, and the row's file.
JOB, FILE = "Job", "File"


def _temporary_file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


@dataclass
class Merger:
    """The stored tables. `rows`: the total. `how`: what was unusual, with the number of tables."""

    style: str = PLAIN
    tables: int = 0
    rows: int = 0
    how: Counter[str] = field(default_factory=Counter)
    _columns: dict[str, None] = field(default_factory=dict)
    _names: dict[str, bool] = field(default_factory=dict)
    _layouts: dict[tuple[str, ...], int] = field(default_factory=dict)
    _aside: IO[str] = field(default_factory=_temporary_file)

    def add(self, metadata: Mapping[str, Any], job: str, file: str, table: CsvTable) -> None:
        """Store a table, with what is known about its job."""
        about = described(metadata, self.style) | {JOB: job, FILE: file}
        for name, value in about.items():
            self._names[name] = self._names.get(name, False) or isinstance(value, str)
        self._columns.update(dict.fromkeys(table.columns))
        layout = self._layouts.setdefault(table.columns, len(self._layouts))
        self._aside.write(json.dumps([layout, about, table.rows], ensure_ascii=False) + "\n")
        self.tables, self.rows = self.tables + 1, self.rows + len(table.rows)
        self.how.update(table.how)

    def write(self, target: Path) -> None:
        """Write all rows as CSV, completely or not at all."""
        with replacing(target) as file:
            for block in self._blocks():
                file.write(block)

    def metadata_columns(self) -> list[str]:
        """Return the columns that identify a row's job; none has the name of a column of the tables."""
        return [self._named(name) for name in self._names]

    def text_columns(self) -> list[str]:
        """Return those of them that contain text even if it looks like a number, such as a plate's `007`."""
        return [self._named(name) for name, is_text in self._names.items() if is_text]

    def _named(self, name: str) -> str:
        return _prefixed(name) if self._is_prefixed(name) else name

    def _is_prefixed(self, name: str) -> bool:
        return self.style == CYTOMINING or name in self._columns

    def _blocks(self) -> Iterator[str]:
        """Yield the header, then the rows of each table."""
        columns, names = list(self._columns), list(self._names)
        fits = {number: Fit.of(layout, columns) for layout, number in self._layouts.items()}
        yield encoded([*self.metadata_columns(), *columns]) + "\n"
        self._aside.seek(0)
        for line in self._aside:
            layout, about, rows = json.loads(line)
            head = encoded([_shown(about.get(name, "")) for name in names])
            yield "".join(f"{head},{fits[layout].fitted(row)}\n" for row in rows)


@dataclass(frozen=True)
class Fit:
    """Where a table's fields go among all columns. `after`: if it only lacks columns at the end, how many."""

    after: int | None
    places: tuple[int, ...] = ()

    @staticmethod
    def of(layout: tuple[str, ...], columns: list[str]) -> Fit:
        """Return how a table with these columns fits among all columns."""
        if list(layout) == columns[: len(layout)]:
            return Fit(len(columns) - len(layout))
        where = {name: number for number, name in enumerate(layout)}
        return Fit(None, tuple(where.get(name, -1) for name in columns))

    def fitted(self, row: str) -> str:
        """Return a row with a field for each column."""
        if self.after is not None:
            return row + "," * self.after
        fields = next(csv.reader(io.StringIO(row, newline="")))
        return encoded(fields[place] if place >= 0 else "" for place in self.places)


def described(metadata: Mapping[str, Any], style: str) -> dict[str, Any]:
    """Return a job's metadata as columns; in cytomining's style, Plate and Well are as its programs read."""
    place = place_of(metadata) if style == CYTOMINING else None
    if place is None:
        return dict(metadata)
    rest = {name: value for name, value in metadata.items() if name.casefold() not in ("plate", "well")}
    plate = plate_of(metadata)
    return ({"Plate": plate} if plate else {}) | {"Well": well_name(place)} | rest


def _prefixed(name: str) -> str:
    return name if name.startswith(PREFIX) else PREFIX + name


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
