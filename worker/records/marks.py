"""The mark that every output carries in its object's metadata: which job of which app wrote it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

#: S3 accepts 2 KiB of metadata per object, including the user's own.
LONGEST_NAME = 200
BEGIN = "distributed-fiji-"


@dataclass(frozen=True)
class Mark:
    """Who wrote an object. `state` is the bucket of its app's state, `name` the name by which people know the
    job.

    `run`: a hash of the one run of the job.
    """

    app: str
    state: str
    job: str
    name: str
    run: str

    @property
    def metadata(self) -> dict[str, str]:
        """The mark as an object's metadata, which is ASCII."""
        return {f"{BEGIN}{field}": quote(value, safe="=") for field, value in vars(self).items()}


def mark_of(app: str, state: str, job: str, name: str, run: str) -> Mark:
    """Return the mark of a run's outputs; a long `name` is cut."""
    return Mark(app, state, job, name[:LONGEST_NAME], run_mark(run))


def run_mark(run: str) -> str:
    """Return what stands in a mark for a run of a job."""
    return hashlib.sha256(run.encode()).hexdigest()[:16]


def read_mark(metadata: Mapping[str, str]) -> Mark | None:
    """Return the mark in an object's metadata, or None if no job wrote it."""
    lower = {name.lower(): value for name, value in metadata.items()}
    fields = {field: unquote(lower.get(f"{BEGIN}{field}", "")) for field in Mark.__dataclass_fields__}
    return Mark(**fields) if fields["app"] and fields["job"] else None
