"""Where outputs may go: valid output_file_locations and keys in S3. Pure, standard library only."""

from __future__ import annotations

import re
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
