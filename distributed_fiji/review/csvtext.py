"""Tables as FIJI, Excel and scripts write them: their encoding, separator, decimal mark and rows. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Byte order marks, and the encodings that they indicate (Unicode standard, "Byte order mark").
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

#: A number with a decimal comma, such as `1,5` or `-0,3E5`, and one with a decimal point.
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?\Z")
DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\Z")

#: The name given to FIJI's first column, which is blank.
ROW_NUMBER = "ObjectNumber"


class NoTable(ValueError):
    """Raised for a file that is not a table; the text says why."""


@dataclass(frozen=True)
class CsvTable:
    """A table. `rows`: lines of CSV, with commas and decimal points. `how`: what was unusual in it."""

    columns: tuple[str, ...]
    rows: list[str]
    how: tuple[str, ...] = ()


def read_table(body: bytes) -> CsvTable:
    """Return the table in a file; an empty one has no columns. Raises NoTable."""
    text, encoding = decoded(body)
    head, _, _ = text.lstrip("\r\n").partition("\n")
    separator = separator_in(head)
    how = [] if encoding in ("utf-8", "utf-8-sig") else [f"in {encoding}"]
    if separator == "," and '"' not in text:
        names, rows = _plain(text)
    else:
        records = [one for one in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(one)]
        names, fields = (records[0], records[1:]) if records else ([], [])
        with_commas = separator != "," and has_decimal_commas(fields)
        how += [] if separator == "," else [f"separated by {'tabs' if separator == chr(9) else separator}"]
        how += ["with decimal commas"] if with_commas else []
        rows = [encoded(_with_points(one) if with_commas else one) for one in _filled(fields, len(names))]
    return CsvTable(column_names(names), rows, tuple(how))


def decoded(body: bytes) -> tuple[str, str]:
    """Return a file's text and its encoding. Raises NoTable."""
    encoding = next((name for mark, name in MARKS if body.startswith(mark)), "")
    if not encoding and b"\0" in body[:200]:
        encoding = "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    try:
        return body.decode(encoding or "utf-8"), encoding or "utf-8"
    except UnicodeDecodeError as error:
        if encoding:
            raise NoTable(f"it is not text in {encoding}") from error
    try:
        return body.decode("cp1252"), "cp1252"
    except UnicodeDecodeError as error:
        raise NoTable("it is no text in UTF-8, UTF-16 or Windows-1252") from error


def separator_in(head: str) -> str:
    """Return the separator of the names in a table's first line."""
    bare = re.sub(r'"[^"]*"', "", head)
    return max("\t;,", key=bare.count) if any(mark in bare for mark in "\t;,") else ","


def has_decimal_commas(records: Iterable[list[str]]) -> bool:
    """Whether a table's numbers have decimal commas: some do, and none has a decimal point."""
    commas = False
    for field in (field.strip() for record in records for field in record):
        if DECIMAL_POINT.match(field):
            return False
        commas = commas or DECIMAL_COMMA.match(field) is not None
    return commas


def _with_points(record: list[str]) -> list[str]:
    return [field.replace(",", ".") if DECIMAL_COMMA.match(field.strip()) else field for field in record]


def _plain(text: str) -> tuple[list[str], list[str]]:
    """Return names and rows of a table without quotes, whose lines can stay unchanged. Raises NoTable."""
    # Not splitlines(), since labels may contain characters that only Python treats as line ends.
    lines = [
        line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip(", \t")
    ]
    if not lines:
        return [], []
    names, rows = lines[0].split(","), lines[1:]
    if any(row.count(",") != len(names) - 1 for row in rows):
        rows = [encoded(one) for one in _filled((row.split(",") for row in rows), len(names))]
    return names, rows


def _filled(records: Iterable[list[str]], width: int) -> list[list[str]]:
    """Return records with a field for each name. Raises NoTable if one has more."""
    found = []
    for number, record in enumerate(records, 1):
        if any(record[width:]):
            raise NoTable(f"row {number} has {len(record)} fields for {width} names")
        found.append(record[:width] + [""] * (width - len(record)))
    return found


def encoded(fields: Iterable[str]) -> str:
    """Return fields as a line of CSV without its line end."""
    line = io.StringIO()
    # With this line end, fields that contain either of its characters are quoted.
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return line.getvalue()[:-2]


def column_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return a unique name for each column, including FIJI's blank first one."""
    found: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        plain = " ".join(name.replace("\ufeff", "").split()) or (
            ROW_NUMBER if number == 1 else f"Column{number}"
        )
        again = 2
        unique = plain
        while unique in found:
            unique, again = f"{plain}_{again}", again + 1
        found[unique] = None
    return tuple(found)
