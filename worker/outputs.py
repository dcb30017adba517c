"""What a script left in `output/`: which files there are, which count, and whether images and tables open."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"
TIFF_STARTS = {b"II*\0": "little", b"MM\0*": "big"}
BIG_TIFF_STARTS = {b"II+\0": "little", b"MM\0+": "big"}


@dataclass(frozen=True)
class Output:
    """A file below `output/`: its relative path, bytes, and what is wrong with it (empty: nothing)."""

    name: str
    size: int
    fault: str = ""


def find_outputs(folder: Path) -> list[Output]:
    """Return the regular files below a folder, in the order of their names. Links are not followed."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in files:
            path = Path(parent, name)
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):
                relative = path.relative_to(folder).as_posix()
                found.append(Output(relative, about.st_size, fault_of(path, about.st_size)))
    return sorted(found, key=lambda output: output.name)


def counting(outputs: Iterable[Output], least_bytes: int, necessary: str) -> list[Output]:
    """Return the outputs that count: large enough, their name holds the text, and they open."""
    return [
        output
        for output in outputs
        if output.size >= least_bytes and necessary in output.name and not output.fault
    ]


def fault_of(path: Path, size: int) -> str:
    """Say what is wrong with a TIFF, PNG or CSV whose head does not open; empty for all else."""
    kind = path.suffix.lower()
    if kind not in (".tif", ".tiff", ".png", ".csv"):
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if kind == ".csv":
        return _fault_of_csv(head)
    if kind == ".png":
        return "" if head.startswith(PNG) and head[12:16] == b"IHDR" else "is no PNG image"
    return _fault_of_tiff(head, size)


def _fault_of_csv(head: bytes) -> str:
    if not head.strip():
        return "is an empty table"
    # A table may be in any 8-bit encoding, or UTF-16 with its mark; a NUL elsewhere is no text.
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is no text"
    return ""


def _fault_of_tiff(head: bytes, size: int) -> str:
    """TIFF 6.0: byte order, 42, offset of the first directory; BigTIFF: 43, sizes, an offset of 8 bytes."""
    if order := TIFF_STARTS.get(head[:4]):
        offset, least = int.from_bytes(head[4:8], order), 8  # type: ignore[arg-type]
    elif order := BIG_TIFF_STARTS.get(head[:4]):
        offset, least = int.from_bytes(head[8:16], order), 16  # type: ignore[arg-type]
    else:
        return "is no TIFF image"
    return "" if least <= offset <= size - 2 else "is a TIFF image that breaks off"
