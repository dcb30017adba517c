"""How an attempt of a job ran, as its record says: seconds, memory, warnings, with what it was made. Pure.

Records are read leniently here: what is not as it should be counts as not known, and spoils no other figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from worker.contract.state import Unreadable, number

#: What of a record says with what an attempt was made, and how it is called.
ORIGIN = {"script_url": "script", "image": "image", "worker_version": "worker"}

#: Of the versions of one FIJI, so many are kept, and of a text, so many characters.
MOST_VERSIONS, LONGEST = 40, 300


@dataclass(frozen=True)
class Course:
    """`time`: when the record was written (seconds since 1970, 0: unknown). `seconds`: by phase, in order.

    `peak_memory_mb`: of FIJI; None where FIJI did not run. `made_with`: versions and addresses, by name.
    `shared`: the parameters that all jobs have. `inputs`: a number that is the same for the same inputs, by
    their keys, ETags and sizes; 0: not known.
    """

    time: float = 0.0
    attempt: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    warnings: int = 0
    made_with: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)
    inputs: int = 0


UNKNOWN = Course()


def course_in(document: Mapping[str, Any]) -> Course:
    """Return what a manifest or a failure record says of its attempt."""
    job, warnings = _mapping(document, "job"), document.get("warnings")
    return Course(
        time=_number(document, "time_seconds") or 0.0,
        attempt=int(_number(document, "attempt") or 0),
        seconds=dict(_numbers(_mapping(document, "seconds"))),
        peak_memory_mb=_number(document, "peak_memory_mb") or None,
        warnings=len(warnings) if isinstance(warnings, list) else 0,
        made_with=dict(_made_with(document)),
        shared=_mapping(job, "shared_metadata"),
        inputs=_inputs(document),
    )


def _made_with(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, name in ORIGIN.items():
        if isinstance(value := document.get(key), str) and value:
            yield name, value[:LONGEST]
    fiji = _mapping(document, "fiji")
    if isinstance(kind := fiji.get("kind"), str):
        yield "FIJI", kind[:LONGEST]
    versions = _mapping(fiji, "versions") | _mapping(document, "versions")
    for name, value in list(versions.items())[:MOST_VERSIONS]:
        if isinstance(value, str) and value:
            yield name[:LONGEST], value[:LONGEST]


def _inputs(document: Mapping[str, Any]) -> int:
    entries = document.get("inputs")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return 0
    named = sorted(json.dumps([entry.get(name) for name in ("key", "etag", "bytes")]) for entry in entries)
    return int.from_bytes(sha256("".join(named).encode()).digest()[:8], "big") if named else 0


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in list(document)[:MOST_VERSIONS]:
        if (value := _number(document, name)) is not None:
            yield name[:LONGEST], value


def _number(document: Mapping[str, Any], name: str) -> float | None:
    try:
        return number(document, name)
    except Unreadable:
        return None
