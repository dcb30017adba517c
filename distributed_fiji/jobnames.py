"""How jobs are named for people. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from worker.contract.jobs import job_name
from worker.contract.state import Unreadable, read_object
from worker.contract.text import one_line


def name_in(body: str) -> str:
    """Return the name of the job in a message's body; '' if it is not a job."""
    try:
        metadata = read_object(body.encode("utf-8", "replace")).get("Metadata")
    except Unreadable:
        return ""
    flat = isinstance(metadata, dict) and not any(
        isinstance(value, (dict, list)) for value in metadata.values()
    )
    return job_name(metadata) if flat and isinstance(metadata, dict) else ""


def called(job: str, names: Mapping[str, str]) -> str:
    """Return a job's name for people: its metadata, then the id."""
    return f"{names[job]} (job {job})" if names.get(job) else f"job {job}"


def printable(text: str) -> str:
    """Return a text on one line, without terminal control sequences or repeated spaces."""
    return " ".join(one_line(text).split())
