"""What is recorded about a job: its manifest if it is done, a failure record if it is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from worker.contract.jobs import Job, Outcome
from worker.verdict.verdict import Verdict


@dataclass(frozen=True)
class Sent:
    """A file in the bucket."""

    key: str
    size: int
    etag: str
    sha256: str


@dataclass(frozen=True)
class Origin:
    """Who writes; the same for all records of a worker."""

    app_name: str
    script_url: str
    script_sha256: str
    image: str
    worker_version: str
    machine: Mapping[str, str]


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as it appears in a manifest and is compared with another's."""
    document: dict[str, Any] = {
        "Metadata": job.metadata,
        "output_file_location": job.output_file_location,
        "shared_metadata": job.shared_metadata,
        "inputs": list(job.inputs),
    }
    # A part that a job does not have is left out, so manifests stay the same when new parts are introduced.
    more = {"answers": job.answers, "paths": job.paths}
    return document | {name: value for name, value in more.items() if value}


def manifest(
    origin: Origin, job: Job, about: Mapping[str, Any], *, destination: str, outputs: Sequence[Sent]
) -> dict[str, Any]:
    """Return a job's manifest. `about`: what is known about this run (attempt, seconds, inputs,
    versions, …).
    """
    return {
        "job_id": job.job_id,
        "job": job_document(job),
        "destination": destination,
        "outputs": [
            {"key": sent.key, "bytes": sent.size, "etag": sent.etag, "sha256": sent.sha256}
            for sent in outputs
        ],
        "without_outputs": not outputs,
        **asdict(origin),
        **about,
        **_now(),
    }


def failure(
    origin: Origin, verdict: Verdict, about: Mapping[str, Any], *, body: str, console: Sequence[str]
) -> dict[str, Any]:
    """Return the record of a failed attempt, with the last lines of FIJI's console and the message's body."""
    return {
        "outcome": verdict.outcome.value,
        "class": verdict.failure.value if verdict.failure else "",
        "sentence": verdict.sentence,
        "line": verdict.line,
        "console": list(console),
        "message": body,
        **asdict(origin),
        **about,
        **_now(),
    }


def same_outputs(document: Mapping[str, Any], outputs: Sequence[Sent]) -> bool:
    """Whether a manifest lists exactly these outputs, byte for byte."""
    listed = {entry.get("key"): entry.get("sha256") for entry in document.get("outputs", [])}
    return listed == {sent.key: sent.sha256 for sent in outputs}


def skipped(outcome_of: str) -> Verdict:
    """Return the verdict on a job that needs no run."""
    return Verdict(Outcome.SKIPPED, None, outcome_of)


def _now() -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    return {"time": now.isoformat(timespec="milliseconds"), "time_seconds": round(now.timestamp(), 3)}
