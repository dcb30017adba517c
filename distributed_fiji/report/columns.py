"""Sums of a table's numeric columns. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from math import fsum

from distributed_fiji.report.spread import is_usable
from distributed_fiji.review.csvtext import ROW_NUMBER, CsvTable

#: What stands for no value where it is no number to Python.
NO_NUMBERS = {"", "na", "n/a", "null"}


def sums_of(table: CsvTable) -> dict[str, tuple[float, int]]:
    """Return the sum of each numeric column, and of how many rows; a column with any text is left out."""
    rows = csv.reader(table.rows) if any('"' in row for row in table.rows) else _split(table.rows)
    found = {}
    for name, fields in zip(table.columns, zip(*rows, strict=True), strict=False):
        numbers = None if name == ROW_NUMBER else numbers_in(fields)
        if numbers:
            found[name] = (fsum(numbers), len(numbers))
    return found


def _split(rows: Iterable[str]) -> Iterable[list[str]]:
    return (row.split(",") for row in rows)


def numbers_in(fields: Iterable[str]) -> list[float] | None:
    """Return the usable numbers among fields that are numbers or nothing; None where one is text."""
    numbers = []
    for field in fields:
        try:
            number = float(field) if "_" not in field else None
        except ValueError:
            number = None
        if number is None and field.strip().lower() not in NO_NUMBERS:
            return None
        if number is not None and is_usable(number):
            numbers.append(number)
    return numbers
