"""`compare`: two folders that `report` wrote, read without AWS, so that runs of one app can be compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from distributed_fiji.commands.report import TABLE
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import is_file, read_file, read_json
from distributed_fiji.report.comparing import Reported, lines_of, rows_in, what_in
from distributed_fiji.report.crate import DESCRIPTOR


def compare(first: Path, second: Path) -> Iterator[str]:
    """Yield what is the same in two reports and what differs. Raises InvalidInput."""
    reports = [read_report(first), read_report(second)]
    yield from lines_of(*reports)


def read_report(folder: Path) -> Reported:
    """Return a report by its folder. Raises InvalidInput."""
    document = read_json(folder / DESCRIPTOR)
    if not isinstance(document, dict) or not what_in(document):
        raise InvalidInput(f"{folder / DESCRIPTOR} cannot be used", ["`report` did not write it"])
    if not is_file(folder / TABLE):
        return Reported(what_in(document), {})
    try:
        text = read_file(folder / TABLE).decode("utf-8")
        rows = rows_in(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"{folder / TABLE} cannot be used", [str(error)]) from error
    return Reported(what_in(document), rows)
