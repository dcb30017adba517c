"""Where outputs may go: what an output_file_location and a key of S3 can be. Pure, standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: Folders that hold the state of all runs, and the logs that `monitor` exports: no output goes there.
RESERVED = ("distributed-fiji", "exportedlogs")

#: Where tables are kept that a script leaves open, in its working directory.
OPEN_TABLES = "open_tables"

#: A key has at most so many bytes as UTF-8 (S3 user guide, "Naming Amazon S3 objects").
LONGEST_KEY = 1024

#: What a listing of S3, which is XML, cannot tell or tells otherwise: control characters, lone surrogates.
NO_KEY = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def location_problems(location: Any) -> list[str]:
    """Say what is wrong with an output_file_location: it must stay a plain key prefix of the bucket."""
    if not isinstance(location, str):
        return [f"output_file_location must be a string, not {type(location).__name__}"]
    if location.lower().startswith("s3://"):
        return ["output_file_location is relative to the destination bucket: leave out s3://bucket/"]
    prefix = prefix_of(location)
    problem = key_problem(prefix + "x") if prefix else ""
    return [f"output_file_location {location!r:.200} {problem}"] if problem else []


def prefix_of(location: str) -> str:
    """Return what stands before the names of a job's outputs in their keys; empty for the bucket's root."""
    plain = location.strip("/")
    return f"{plain}/" if plain else ""


def key_problem(key: str) -> str:
    """Say why no output can have a key, as the end of a sentence; empty when it can."""
    if NO_KEY.search(key):
        return "contains an invalid character (a control character, or not UTF-8)"
    if any(part in (".", "..") for part in key.split("/")):
        return "must not contain '..' or '.' between slashes"
    if key.split("/")[0] in RESERVED:
        return f"is inside {key.split('/')[0]}/, which is reserved for the runs' own files; choose another"
    length = len(key.encode("utf-8"))
    if length > LONGEST_KEY:
        return f"makes a key of {length} bytes; the S3 limit is {LONGEST_KEY}"
    return ""


@dataclass(frozen=True)
class Shared:
    """Two jobs (by their numbers) whose outputs can meet: their locations are equal, nested or alike."""

    first: int
    second: int
    how: str


def find_shared(locations: Iterable[tuple[int, str]]) -> Shared | None:
    """Return the first two jobs whose locations are equal, or of which one lies in the other's, or None.

    `locations`: each job's number and output_file_location. `alike`: they differ in case, or in how accents
    are written, which S3 tells apart and the disks of macOS and Windows do not.
    """
    numbers: dict[str, int] = {}
    for number, location in locations:
        earlier = numbers.setdefault(prefix_of(location), number)
        if earlier != number:
            return Shared(earlier, number, "equal")
    folded: dict[str, int] = {}
    for prefix, number in numbers.items():
        outer = next((one for one in _parents(prefix) if one in numbers), None)
        if outer is not None:
            return Shared(numbers[outer], number, "nested")
        alike = folded.setdefault(unicodedata.normalize("NFC", prefix).casefold(), number)
        if alike != number:
            return Shared(alike, number, "alike")
    return None


def _parents(prefix: str) -> Iterable[str]:
    """Yield the prefixes that a prefix lies in, the bucket's root first."""
    if not prefix:
        return
    yield ""
    parts = prefix.rstrip("/").split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length]) + "/"
