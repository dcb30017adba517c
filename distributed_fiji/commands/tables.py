"""CSV files written by people and Excel: rows with their lines, plate layouts, and joining them to jobs.

Pure, except that it reads the file. Values stay text, exactly as in the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed_fiji.csvrows import column_names, in_no_column, named_cells, read_rows
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import shortened
from distributed_fiji.jsonfiles import read_file
from distributed_fiji.plates import ROW, place_of, row_number, well_name
from worker.contract.scripts import wide_encoding


@dataclass(frozen=True)
class Table:
    """A CSV file: its name, its columns, and its rows with their lines, from 1; empty cells are left out."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    renamed: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Return a CSV file's rows. Raises InvalidInput with everything that is wrong in it."""
    try:
        lines = _read_lines(path)
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be used", [str(error)]) from error
    if len(lines) < 2:
        raise InvalidInput(f"{path} cannot be used", ["it needs a line of column names, and rows below it"])
    return _read_grid(path, lines) if _is_grid(lines) else _read_rows(path, lines)


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that has any, with its number. Raises ValueError with a sentence."""
    content = read_file(path)
    if encoding := wide_encoding(content):
        raise ValueError(f"it is saved as {encoding}; save it as UTF-8 (Excel: CSV UTF-8)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8 (line {line}); save it as UTF-8 (Excel: CSV UTF-8)") from error
    return list(read_rows(io.StringIO(text, newline="")))


def _read_rows(path: Path, lines: Sequence[tuple[int, list[str]]]) -> Table:
    names, renamed, problems = column_names(lines[0][1])
    rows = []
    for line, cells in lines[1:]:
        if extra := in_no_column(names, cells):
            problems.append(f"line {line}: {extra}")
        rows.append((line, named_cells(names, cells)))
    if problems:
        raise InvalidInput(f"{path} cannot be used", shortened(problems))
    return Table(path.name, tuple(name for name in names if name), tuple(rows), tuple(renamed))


def _is_grid(lines: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether a table is drawn like a plate: columns 1, 2, … at the top, rows A, B, … on the left."""
    above = [cell for cell in lines[0][1][1:] if cell]
    return bool(above) and all(cell.isdecimal() for cell in above) and bool(ROW.match(lines[1][1][0]))


def _read_grid(path: Path, lines: Sequence[tuple[int, list[str]]]) -> Table:
    """Return a layout's wells with their values, named by the cell in its corner, or else by its file."""
    (_, (corner, *above)), *below = lines
    names, _, problems = column_names([corner or path.stem])
    rows, met = [], set[int]()
    for line, (letters, *cells) in below:
        if not ROW.match(letters) or row_number(letters) in met:
            problems.append(f"line {line} begins with {letters!r}: a row's letter stands there, each once")
            continue
        met.add(row_number(letters))
        for column, cell in zip(above, cells, strict=False):
            if cell and column:
                well = well_name((row_number(letters), int(column)))
                rows.append((line, {"Well": well, names[0]: cell}))
        problems += [f"line {line}: {cell!r} stands in no column" for cell in cells[len(above) :] if cell]
    if names[:1] == ["Well"]:
        problems.append("the cell in the corner says what the values are: not Well, but as Compound")
    if len({int(cell) for cell in above if cell}) < sum(map(bool, above)) or "0" in above:
        problems.append("its columns are not 1, 2, …, each once")
    if not rows and not problems:
        problems.append("it is a plate without a value")
    if problems:
        raise InvalidInput(f"{path} cannot be used", shortened(problems))
    return Table(path.name, ("Well", *names), tuple(rows))


@dataclass(frozen=True)
class Joined:
    """Groups with a table's values; the groups it lacks, and its rows without a group."""

    groups: list[dict[str, Any]]
    without: list[str]
    unused: list[str]


def join(groups: Sequence[dict[str, Any]], table: Table) -> Joined:
    """Return groups with the values of a table's rows that agree with them in their shared columns.

    Wells match in any notation (A1, A01), even if one side has Row and Column. Raises InvalidInput if nothing
    can be joined, or if two rows say different things about a group.
    """
    has_wells = any(place_of(group) for group in groups) and any(place_of(row) for _, row in table.rows)
    have = dict.fromkeys(name for group in groups for name in group)
    shared = [name for name in table.columns if name in have and not (has_wells and is_place(name))]
    if not shared and not has_wells:
        problem = (
            f"its columns ({', '.join(table.columns)}) have none of what makes a job ({', '.join(have)})"
        )
        raise InvalidInput(f"{table.source} cannot be joined", [problem])
    known, problems = _by_key(table, shared, has_wells)
    keys = [_key(group, shared, has_wells) for group in groups]
    joined = [
        group
        | {
            name: value
            for name, value in known.get(key, {}).items()
            if name not in group and not (has_wells and is_place(name))
        }
        for group, key in zip(groups, keys, strict=True)
    ]
    if problems:
        raise InvalidInput(f"{table.source} cannot be joined", shortened(problems))
    used = set(keys)
    if used.isdisjoint(known):
        problem = (
            f"no row agrees with any job: it has {_said(next(iter(known)))}, the jobs have {_said(keys[0])}"
        )
        raise InvalidInput(f"{table.source} cannot be joined", [problem])
    return Joined(
        joined,
        [_said(key) for key in keys if key not in known],
        [_said(key) for key in known if key not in used],
    )


def is_place(name: str) -> bool:
    """Whether a column identifies the well, alone or with another."""
    return name.casefold() in ("well", "row", "column", "col")


Key = tuple[str, ...]


def _key(group: dict[str, Any], shared: Iterable[str], has_wells: bool) -> Key:
    place = place_of(group) if has_wells else None
    well = [well_name(place) if place else ""] if has_wells else []
    return (*(str(group.get(name, "")) for name in shared), *well)


def _said(key: Key) -> str:
    return " ".join(key)


def _by_key(
    table: Table, shared: Sequence[str], has_wells: bool
) -> tuple[dict[Key, dict[str, str]], list[str]]:
    known: dict[Key, dict[str, str]] = {}
    lines: dict[Key, int] = {}
    problems = []
    for line, row in table.rows:
        key = _key(row, shared, has_wells)
        if has_wells and not key[-1]:
            problems.append(f"line {line} names no well (A01, or a row and a column)")
        elif known.setdefault(key, row) != row:
            problems.append(f"lines {lines[key]} and {line} say different things of {_said(key)}")
        lines.setdefault(key, line)
    return known, problems


def rows_as_groups(table: Table, per: Sequence[str]) -> list[dict[str, Any]]:
    """Return a group for each row, or for the rows that agree in the columns `per`.

    If a value differs among a job's rows, it becomes a list, in the file's order, with '' for empty cells.
    """
    if not per:
        return [dict(row) for _, row in table.rows]
    together: dict[Key, list[dict[str, str]]] = {}
    for _, row in table.rows:
        together.setdefault(tuple(row.get(name, "") for name in per), []).append(row)
    return [_as_one(rows, table.columns) for rows in together.values()]


def _as_one(rows: Sequence[dict[str, str]], columns: Iterable[str]) -> dict[str, Any]:
    group: dict[str, Any] = {}
    for name in columns:
        values = [row.get(name, "") for row in rows]
        if len(set(values)) > 1:
            group[name] = values
        elif values[0]:
            group[name] = values[0]
    return group
