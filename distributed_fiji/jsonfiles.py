"""JSON files written by people: read as their editors save them, with each problem in one sentence."""

from __future__ import annotations

import json
import math
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO

from distributed_fiji.errors import InvalidInput
from worker.contract.scripts import wide_encoding

SURROGATE = re.compile("[\ud800-\udfff]")

#: Bytes of files that are read whole only to be used.
LARGE = 1024 * 1024

#: No double has more digits before its decimal point (about 1.8e308).
MOST_DIGITS = 308


def is_file(path: Path) -> bool:
    """Whether a path, which may be any text, is that of a file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # not a file name
        return False


def open_file(path: Path) -> BinaryIO:
    """Return a user's file, opened. Raises ValueError with a sentence.

    Only for regular files: a pipe or a device would block, or never end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is a folder" if path.is_dir() else "it is not a file but a pipe or a device")
        return path.open("rb")
    except FileNotFoundError:
        raise ValueError("this file does not exist") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error


def read_file(path: Path) -> bytes:
    """Return the contents of a user's file. Raises ValueError with a sentence."""
    with open_file(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise ValueError(f"it cannot be read: {error.strerror or error}") from error


def read_json(path: Path) -> Any:
    """Return a file's document, ignoring a byte order mark. Raises InvalidInput."""
    try:
        return parse_json(read_file(path))
    except (RecursionError, MemoryError):
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    raise InvalidInput(f"{path} cannot be used", [reason])


def has_key(path: Path, key: str) -> bool:
    """Return whether a file is a JSON object with a key; an unreadable one has none.

    Of a large file, which must be a job file, only the beginning is read.
    """
    try:
        if path.stat().st_size > LARGE:
            with open_file(path) as file:
                return f'"{key}"'.encode() in file.read(LARGE)
        document = read_json(path)
    except (InvalidInput, ValueError, OSError):
        return False
    return isinstance(document, dict) and key in document


def parse_json(content: bytes) -> Any:
    """Return the document in a file's contents. Raises ValueError with a sentence, and RecursionError."""
    encoding = wide_encoding(content)
    if encoding:
        raise ValueError(f"it is saved as {encoding}; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8 (line {line}); save it as UTF-8") from error
    if not text.strip():
        raise ValueError("it is empty")
    return parse_json_text(text)


def parse_json_text(text: str, *, checked: bool = False) -> Any:
    """Return the document in a text. Raises ValueError with a sentence, and RecursionError.

    `checked`: it was parsed before, so that its keys need no look, which takes half of the time.
    """
    try:
        return (_CHECKED_DECODER if checked else _DECODER).decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    broken = [name for name in mapping if SURROGATE.search(name)]
    if broken:
        raise ValueError(f"the key {broken[0]!r} contains an invalid character (an unpaired surrogate)")
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1 and not name.startswith("_comment")})
        if twice:
            raise ValueError(f"it is not JSON: the key {twice[0]!r} appears twice in one object")
    return mapping


def _whole(text: str) -> int | float:
    """Return an integer; infinity if no double can hold it, since Python would not even convert it."""
    return int(text) if len(text) <= MOST_DIGITS else math.inf


#: Created once, since json.loads would create one for each line of a long file.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_int=_whole)
_CHECKED_DECODER = json.JSONDecoder(parse_int=_whole)
