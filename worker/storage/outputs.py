"""The files that a script left in `output/`: which ones count, and whether images and tables open.

Links are followed if they lead to the job's own files. Nothing is skipped silently: files that cannot be
uploaded are named. Folders without files leave nothing behind, since buckets have no folders.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import BinaryIO, Literal, TypeVar

from worker.contract.locations import key_problem

Result = TypeVar("Result")

PNG = b"\x89PNG\r\n\x1a\n"
TIFF_STARTS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
BIG_TIFF_STARTS: dict[bytes, Literal["little", "big"]] = {b"II+\0": "little", b"MM\0+": "big"}

#: The most paths to follow into one folder. Links to folders that hold links to folders double the number
#: each time.
MOST_WAYS = 100
#: How many letters of a long name are shown, from its beginning and its end.
SHOWN = (80, 60)

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}

#: Device, inode, bytes and mtime in ns. If these are equal, it is the same file with the same content.
Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Output:
    """A file of `output/`: its relative path, size in bytes, and what is wrong with it (empty: nothing).

    `path`: the file itself, with links resolved. `identity`: as it was when examined.
    """

    name: str
    size: int
    fault: str = ""
    path: Path = Path()
    identity: Identity = (0, 0, 0, 0)


@dataclass
class Found:
    """The contents of `output/`, sorted by name. `refused`: what cannot be uploaded, with the reason."""

    outputs: list[Output] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def find_outputs(
    folder: Path, own: Sequence[Path], prefix: str = "", *, collected: Path | None = None
) -> Found:
    """Return the files that a script left in a folder.

    `own`: the job's folders that links may lead into. `prefix`: what precedes the names in their keys.
    `collected`: a folder of files that were written elsewhere, under their names there (COLLECT_ALL).
    """
    found = Found()
    walk = _Walk([Path(os.path.realpath(one)) for one in own], prefix, found)
    for place in (_Place(folder, "", "output"), *([_Place(collected, "", "")] if collected else [])):
        if os.path.lexists(place.path):
            walk.look(place)
            while walk.folders:
                walk.enter(walk.folders.pop())
    times = Counter(output.name for output in found.outputs)
    found.refused += [
        f"output/{name} and {name} would be one output" for name, count in times.items() if count > 1
    ]
    found.outputs.sort(key=lambda output: output.name)
    found.refused.sort()
    return found


def counting(outputs: Iterable[Output], least_bytes: int, necessary: str) -> list[Output]:
    """Return the outputs that count: large enough, with the text in their names, and readable."""
    return [
        output
        for output in outputs
        if output.size >= least_bytes and necessary in output.name and not output.fault
    ]


def identity_of(about: os.stat_result) -> Identity:
    """Return what identifies a file as the one that was examined, unchanged."""
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


@dataclass(frozen=True)
class _Place:
    """A path, its name below a root (`output`, or none), and the real folders it was reached through."""

    path: Path
    name: str
    root: str
    above: tuple[Path, ...] = ()


class _Walk:
    """Examines one place after another. `folders`: those still to be entered."""

    def __init__(self, own: list[Path], prefix: str, found: Found) -> None:
        self._own = own
        self._prefix = prefix
        self._found = found
        self.folders: list[_Place] = []
        self._ways: Counter[Path] = Counter()

    def look(self, place: _Place) -> None:
        """Record a file, or a folder to be entered; refuse anything else."""
        try:
            about = _opened_up(place.path.lstat, place.path.parent)
            if stat.S_ISLNK(about.st_mode):
                place = replace(place, path=self._target(place.path))
                about = place.path.lstat()
            kind = stat.S_IFMT(about.st_mode)
            if kind == stat.S_IFDIR:
                self._note_folder(place)
            elif kind == stat.S_IFREG and place.name:
                self._note_file(place)
            else:
                self._refuse(place, f"is {KINDS.get(kind, 'a file, not a folder')}")
        except _Refused as refused:
            self._refuse(place, str(refused))
        except OSError as error:
            self._refuse(place, f"cannot be read ({error.strerror})")

    def enter(self, folder: _Place) -> None:
        """Examine everything in a folder."""
        try:
            names = _opened_up(lambda: [entry.name for entry in os.scandir(folder.path)], folder.path)
        except OSError as error:
            self._refuse(folder, f"cannot be read ({error.strerror})")
            return
        if names and folder.name and (problem := key_problem(f"{self._prefix}{folder.name}/x")):
            self._refuse(folder, problem)
            return
        above = (*folder.above, folder.path)
        for name in names:
            below = f"{folder.name}/{name}" if folder.name else name
            self.look(_Place(folder.path / name, below, folder.root, above))

    def _target(self, link: Path) -> Path:
        """Return the target of one of the job's links.

        Raises _Refused if it is not one of the job's own files.
        """
        told = link.readlink()
        try:
            real = Path(os.path.realpath(link, strict=True))
        except OSError as error:
            raise _Refused(f"is a link that cannot be followed ({told}: {error.strerror})") from error
        if not any(real.is_relative_to(folder) for folder in self._own):
            raise _Refused(f"is a link to outside the job's folder ({told})")
        return real

    def _note_folder(self, place: _Place) -> None:
        real = Path(os.path.realpath(place.path))
        if real in place.above:
            raise _Refused("is a link that points to itself")
        self._ways[real] += 1
        if self._ways[real] > MOST_WAYS:
            raise _Refused(
                f"is one of more than {MOST_WAYS} paths to the same folder, through links to folders"
            )
        self.folders.append(replace(place, path=real))

    def _note_file(self, place: _Place) -> None:
        if problem := key_problem(self._prefix + place.name):
            raise _Refused(problem)
        with _opened_up(lambda: place.path.open("rb"), place.path) as file:
            about = os.fstat(file.fileno())
            fault = fault_of(file, place.name, about.st_size)
        self._found.outputs.append(Output(place.name, about.st_size, fault, place.path, identity_of(about)))

    def _refuse(self, place: _Place, reason: str) -> None:
        told = os.fsencode(f"{place.root}/{place.name}".strip("/")).decode("utf-8", "backslashreplace")
        begin, end = SHOWN
        shown = told if len(told) <= begin + end else f"{told[:begin]}…{told[-end:]}"
        self._found.refused.append(f"{shown} {reason}")


class _Refused(Exception):
    """Raised for something that cannot be uploaded; the text says why."""


def _opened_up(action: Callable[[], Result], path: Path) -> Result:
    """Return what `action` returns; if refused, restore permissions that a script removed and retry."""
    try:
        return action()
    except PermissionError:
        about = path.stat()
        path.chmod(about.st_mode | (stat.S_IRWXU if stat.S_ISDIR(about.st_mode) else stat.S_IRUSR))
        return action()


def fault_of(file: BinaryIO, name: str, size: int) -> str:
    """Describe what is wrong with a TIFF, PNG or CSV whose header is invalid; empty for anything else."""
    kind = PurePath(name).suffix.lower()
    if kind not in (".tif", ".tiff", ".png", ".csv"):
        return ""
    head = file.read(4096)
    if kind == ".csv":
        return _fault_of_csv(head)
    if kind == ".png":
        return "" if head.startswith(PNG) and head[12:16] == b"IHDR" else "is not a PNG image"
    return _fault_of_tiff(head, size)


def _fault_of_csv(head: bytes) -> str:
    if not head.strip():
        return "is an empty table"
    # A table may be in any 8-bit encoding, or in UTF-16 with a byte order mark. Otherwise a NUL means that it
    # is not text.
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is not text"
    return ""


def _fault_of_tiff(head: bytes, size: int) -> str:
    """TIFF 6.0: byte order, 42, offset of the first directory. BigTIFF: 43, sizes, an 8-byte offset."""
    if order := TIFF_STARTS.get(head[:4]):
        offset, least = int.from_bytes(head[4:8], order), 8
    elif order := BIG_TIFF_STARTS.get(head[:4]):
        offset, least = int.from_bytes(head[8:16], order), 16
    else:
        return "is not a TIFF image"
    return "" if least <= offset <= size - 2 else "is an incomplete TIFF image"
