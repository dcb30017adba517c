"""Sums of a table's numeric columns. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from math import fsum, isfinite, nan

from distributed_fiji.review.csvtext import ROW_NUMBER, CsvTable

#: What stands for a number that is none, or for no value, as R, pandas and FIJI write it.
NO_NUMBERS = {"", "nan", "na", "infinity", "-infinity", "inf", "-inf"}


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
    """Return the numbers among fields that are numbers or nothing; None where one is text."""
    numbers = []
    for field in fields:
        try:
            number = float(field) if "_" not in field else nan
        except ValueError:
            number = nan
        if isfinite(number):
            numbers.append(number)
        elif field.strip().lower() not in NO_NUMBERS:
            return None
    return numbers
