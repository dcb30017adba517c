"""The mark that every output carries as metadata of its object: which job of which app wrote it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

#: S3 takes 2 KiB of metadata on an object, the user's own included.
LONGEST_NAME = 200
BEGIN = "distributed-fiji-"


@dataclass(frozen=True)
class Mark:
    """Who wrote an object: `state` is the bucket of its app's state, `name` the job as people know it.

    `run`: the one run of the job, by a hash.
    """

    app: str
    state: str
    job: str
    name: str
    run: str

    @property
    def metadata(self) -> dict[str, str]:
        """The mark as metadata of an object, which is ASCII."""
        return {f"{BEGIN}{field}": quote(value, safe="=") for field, value in vars(self).items()}


def mark_of(app: str, state: str, job: str, name: str, run: str) -> Mark:
    """Return the mark of a run's outputs; `name` is cut where it is long."""
    return Mark(app, state, job, name[:LONGEST_NAME], hashlib.sha256(run.encode()).hexdigest()[:16])


def read_mark(metadata: Mapping[str, str]) -> Mark | None:
    """Return the mark in an object's metadata, or None where no job wrote it."""
    lower = {name.lower(): value for name, value in metadata.items()}
    fields = {field: unquote(lower.get(f"{BEGIN}{field}", "")) for field in Mark.__dataclass_fields__}
    return Mark(**fields) if fields["app"] and fields["job"] else None
