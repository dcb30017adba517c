"""Convert a CSV table to Parquet, a block at a time. Needs pyarrow, which only this imports."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from distributed_fiji.errors import InvalidInput

#: Texts that stand for NaN or a missing value.
NO_NUMBERS = ["", "NaN", "nan", "NA"]


def require_pyarrow() -> None:
    """Raise InvalidInput if there is no pyarrow."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ModuleNotFoundError:
        problem = "pyarrow is not installed: run `pip install pyarrow`, or let -o end in .csv"
        raise InvalidInput("Parquet cannot be written", [problem]) from None


def write_parquet(source: Path, target: Path, texts: list[str]) -> None:
    """Write a CSV table as Parquet, completely or not at all. Columns in `texts` stay text.

    It takes two passes, since a column's type is known only after all of it was read.
    """
    import pyarrow
    from pyarrow import csv as arrow
    from pyarrow import parquet

    numbers = numeric_columns(source, texts)
    with source.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    types = {name: pyarrow.float64() if name in numbers else pyarrow.string() for name in names}
    options: dict[str, Any] = {
        "parse_options": arrow.ParseOptions(newlines_in_values=True),
        "convert_options": arrow.ConvertOptions(column_types=types, null_values=NO_NUMBERS),
    }
    unfinished = target.with_name(f".{target.name}.part")
    with arrow.open_csv(source, **options) as blocks, parquet.ParquetWriter(unfinished, blocks.schema) as out:
        for block in blocks:
            out.write_batch(block)
    unfinished.replace(target)


def numeric_columns(source: Path, texts: list[str]) -> set[str]:
    """Return the columns whose values are all numbers."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        names = next(rows)
        left = {number for number, name in enumerate(names) if name not in texts}
        for row in rows:
            for number in [number for number in left if not _is_number(row[number])]:
                left.discard(number)
    return {names[number] for number in left}


def _is_number(text: str) -> bool:
    """Whether pyarrow reads a text as a number, or as a missing one."""
    if text in NO_NUMBERS:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
