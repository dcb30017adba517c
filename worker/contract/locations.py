"""Where outputs may go: valid output_file_locations and keys in S3. Pure, standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: Folders for the state of all runs, and for the logs that `monitor` exports; outputs never go there.
RESERVED = ("distributed-fiji", "exportedlogs")

#: Where tables that a script leaves open are saved, in its working directory.
OPEN_TABLES = "open_tables"

#: The most bytes of a key as UTF-8 (S3 user guide, "Naming Amazon S3 objects").
LONGEST_KEY = 1024

#: Characters that an S3 listing, which is XML, cannot represent or changes: control characters, lone
#: surrogates.
NO_KEY = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def location_problems(location: Any) -> list[str]:
    """Return what is wrong with an output_file_location: it must remain a plain key prefix in the bucket."""
    if not isinstance(location, str):
        return [f"output_file_location must be a string, not {type(location).__name__}"]
    if location.lower().startswith("s3://"):
        return ["output_file_location is relative to the destination bucket: leave out s3://bucket/"]
    prefix = prefix_of(location)
    problem = key_problem(prefix + "x") if prefix else ""
    return [f"output_file_location {location!r:.200} {problem}"] if problem else []


def prefix_of(location: str) -> str:
    """Return what precedes the names of a job's outputs in their keys; empty for the bucket's root."""
    plain = location.strip("/")
    return f"{plain}/" if plain else ""


def key_problem(key: str) -> str:
    """Return why no output can have a key, as the end of a sentence; empty if it can."""
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
    """Two jobs (by number) whose outputs can collide: their locations are equal, nested or alike."""

    first: int
    second: int
    how: str


def find_shared(locations: Iterable[tuple[int, str]]) -> Shared | None:
    """Return the first two jobs whose locations are equal, or where one is inside the other; or None.

    `locations`: each job's number and output_file_location. `alike`: they differ in case, or in how accents
    are encoded, which S3 distinguishes but the disks of macOS and Windows do not.
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
    """Yield the prefixes that a prefix is inside of, the bucket's root first."""
    if not prefix:
        return
    yield ""
    parts = prefix.rstrip("/").split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length]) + "/"
