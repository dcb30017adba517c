"""The groups of a job file: a list in it, or a JSONL or CSV file beside it, with a group in each line.

A file's groups may be a million, so they are made one at a time, whenever they are asked for. What was read
first is kept compressed: what is checked is what is sent, even if the file changes meanwhile.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from abc import abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from distributed_fiji.csvrows import column_names, in_no_column, named_cells, read_rows
from distributed_fiji.jsonfiles import open_file, parse_json_text
from worker.contract.scripts import wide_encoding

Group = dict[str, Any]

#: Bytes read at a time.
CHUNK = 1024 * 1024


class Groups(Collection[Group]):
    """Groups of metadata that can be gone through again and again. Each has a number that names it."""

    @abstractmethod
    def read(self, problems: list[str]) -> Iterator[tuple[int, Group]]:
        """Yield number and group; add what is not a group to the problems."""

    @abstractmethod
    def called(self, number: int) -> str:
        """Return how messages name a group, before a dot and a name or before a colon."""

    def renamed(self) -> list[str]:
        """Return warnings about names that were changed."""
        return []

    def numbered(self) -> Iterator[tuple[int, Group]]:
        """Yield number and group."""
        return self.read([])

    def __iter__(self) -> Iterator[Group]:
        return (group for _, group in self.numbered())

    def __contains__(self, group: object) -> bool:
        return any(one == group for one in self)


class ListedGroups(Groups):
    """The groups in a job file itself, numbered from 1."""

    def __init__(self, groups: list[Any]) -> None:
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def read(self, problems: list[str]) -> Iterator[tuple[int, Group]]:
        for number, group in enumerate(self._groups, 1):
            if isinstance(group, dict):
                yield number, without_comments(group)
            else:
                problems.append(f"{self.called(number)} {_must_be_object(group)}")

    def called(self, number: int) -> str:
        return f"groups[{number}]"


class FiledGroups(Groups):
    """The groups in a file. A group's number is its line.

    `count`: how many there are, known once all have been read.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self._name, self._content = name, content
        self.count = 0
        self._is_checked = False

    def __len__(self) -> int:
        return self.count

    def called(self, number: int) -> str:
        return f"{self._name}[line {number}]"

    def read(self, problems: list[str]) -> Iterator[tuple[int, Group]]:
        count = 0
        with gzip.open(io.BytesIO(self._content), "rt", encoding="utf-8-sig", newline="") as text:
            for one in self._lines(text, problems):
                count += 1
                yield one
        self.count, self._is_checked = count, not problems

    @abstractmethod
    def _lines(self, text: TextIO, problems: list[str]) -> Iterator[tuple[int, Group]]:
        """Yield line and group."""


class JsonLines(FiledGroups):
    """The groups of a JSONL file: an object in each line; blank lines are left out."""

    def _lines(self, text: TextIO, problems: list[str]) -> Iterator[tuple[int, Group]]:
        checked = self._is_checked
        for number, line in enumerate(text, 1):
            if line.isspace():
                continue
            try:
                group = parse_json_text(line, checked=checked)
            except RecursionError:
                problems.append(f"{self.called(number)}: it is nested too deeply")
            except ValueError as error:
                problems.append(f"{self.called(number)}: {error}")
            else:
                if isinstance(group, dict):
                    yield number, without_comments(group)
                else:
                    problems.append(f"{self.called(number)} {_must_be_object(group)}")


class CsvLines(FiledGroups):
    """The groups of a CSV file: a line of names, then a row for each group. Empty cells are left out."""

    def _lines(self, text: TextIO, problems: list[str]) -> Iterator[tuple[int, Group]]:
        rows = read_rows(text)
        line = 1
        try:
            line, cells = next(rows, (1, []))
            names, _, wrong = column_names(cells)
            problems += [f"{self.called(line)}: {one}" for one in wrong]
            for line, cells in rows:
                if extra := in_no_column(names, cells):
                    problems.append(f"{self.called(line)}: {extra}")
                yield line, without_comments(named_cells(names, cells))
        except csv.Error as error:
            problems.append(f"{self.called(line)}, or what follows it: {error}")

    def renamed(self) -> list[str]:
        with gzip.open(io.BytesIO(self._content), "rt", encoding="utf-8-sig", newline="") as text:
            _, cells = next(read_rows(text), (1, []))
        return [f"{self._name}: {one}" for one in column_names(cells)[1]]


#: The kinds of files with groups, by the ending of their names.
KINDS: dict[str, type[FiledGroups]] = {".jsonl": JsonLines, ".csv": CsvLines}


def without_comments(mapping: Group) -> Group:
    """Return a mapping without its comments."""
    if not any(key.startswith("_comment") for key in mapping):
        return mapping
    return {key: value for key, value in mapping.items() if not key.startswith("_comment")}


def find_groups(groups: Any, folder: Path) -> tuple[Groups, list[str]]:
    """Return a job file's groups, and problems. `folder`: the base of a relative name of a file."""
    kind = KINDS.get(Path(groups).suffix.lower()) if isinstance(groups, str) else None
    if isinstance(groups, list) and groups:
        return ListedGroups(groups), []
    if isinstance(groups, str) and kind:
        try:
            return kind(Path(groups).name, _compressed(folder / groups)), []
        except ValueError as error:
            return ListedGroups([]), [f"groups: {groups}: {error}"]
    if isinstance(groups, str):
        problem = f"{groups!r:.200} is not the name of a file that ends with .jsonl or .csv"
        return ListedGroups([]), [f"groups: {problem}"]
    wrong = "is missing" if groups is None else "is empty" if groups == [] else "must be a list or a file"
    return ListedGroups([]), [f"groups {wrong}: it needs one group of metadata for each job"]


def _compressed(path: Path) -> bytes:
    """Return a file's content, compressed. Raises ValueError with a sentence, also if it is not UTF-8."""
    decoder, lines, kept = codecs.getincrementaldecoder("utf-8")(), 1, io.BytesIO()
    with open_file(path) as file, gzip.GzipFile(fileobj=kept, mode="wb", compresslevel=1, mtime=0) as packer:
        for chunk in _chunks(file):
            if not packer.tell() and (encoding := wide_encoding(chunk)):
                raise ValueError(f"it is saved as {encoding}; save it as UTF-8")
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + chunk.count(b"\n", 0, error.start)
                raise ValueError(f"it is not UTF-8 (line {line}); save it as UTF-8") from error
            lines += chunk.count(b"\n")
            packer.write(chunk)
    return kept.getvalue()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's content, an empty chunk last. Raises ValueError with a sentence."""
    try:
        yield from iter(lambda: file.read(CHUNK), b"")
        yield b""
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error


def _must_be_object(group: Any) -> str:
    return f"must be an object of names and values, not {type(group).__name__}"
