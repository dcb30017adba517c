"""How long jobs take: from a rehearsal, or else earlier runs' manifests, or else the user."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError, pages
from distributed_fiji.commands.costmodel import Span, Workload
from distributed_fiji.commands.scripts import NoScript, read_script
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobstate import THREADS
from distributed_fiji.state.rehearsal import Rehearsal, find_rehearsal, rehearsal_path
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import state_key
from worker.contract.scripts import NotAScript
from worker.contract.state import number, text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: How many manifests are read: a sample of this size gives the mean within a few percent.
SAMPLE = 200

#: Factors for a guess, and for figures from another script or without a law.
UNSURE = (0.5, 2.0)

#: How far another day, machine type or neighbor may shift the mean of many jobs.
DRIFT = 0.1

#: 80 % of a normal distribution lies within this many standard deviations.
EIGHTY = 1.28


@dataclass(frozen=True)
class Measured:
    """What a manifest says about its job: seconds that it held a worker, files and bytes that it wrote."""

    seconds: float
    inputs: int
    files: int
    output_bytes: float
    script: str


def find_workload(
    settings: Settings, s3: S3Client, folder: Path, jobs: int, *, minutes: float | None, script: str
) -> Workload | None:
    """Return the work of so many jobs, None if it is unknown how long one takes.

    `folder`: where a rehearsal is stored. `minutes`: the user's figure for a job, which takes precedence.
    `script`: hash of today's script, '' if unknown.
    """
    files = float(max(1, settings.EXPECTED_NUMBER_FILES))
    if minutes is not None:
        source = f"{minutes:g} minutes, as you say"
        return Workload(jobs, _around(minutes * 60, UNSURE), source, True, files=files)
    if rehearsal := find_rehearsal(rehearsal_path(folder, settings.APP_NAME)):
        return _of_rehearsal(rehearsal, jobs, script)
    measured = _measured(settings, s3)
    return _of_manifests(measured, jobs, script) if measured else None


def find_script_hash(settings: Settings, folder: Path) -> str:
    """Return the hash of a script that is a local file, '' for any other: only workers know theirs."""
    if "://" in settings.SCRIPT_DOWNLOAD_URL:
        return ""
    try:
        return read_script(settings, None, folder).sha256
    except (NoScript, NotAScript, OSError):
        return ""


def _around(seconds: float, factors: tuple[float, float]) -> Span:
    return Span(seconds * factors[0], seconds, seconds * factors[1])


def _of_rehearsal(rehearsal: Rehearsal, jobs: int, script: str) -> Workload:
    law, other = rehearsal.law, bool(script and rehearsal.script_sha256 not in ("", script))
    guess = other or not law.carries
    where = f"on {rehearsal.machine}" if rehearsal.machine else "on this computer"
    why = " with another script" if other else "" if law.carries else ", in which size does not explain time"
    return Workload(
        jobs=jobs,
        seconds=_around(rehearsal.job_seconds, UNSURE if other else (law.low, law.high)),
        source=f"a rehearsal of {len(rehearsal.jobs)} jobs {where}{why}",
        guess=guess,
        files=mean(job.files for job in rehearsal.jobs) if rehearsal.jobs else 1.0,
        output_bytes=mean(job.output_bytes for job in rehearsal.jobs) if rehearsal.jobs else None,
    )


def _of_manifests(measured: list[Measured], jobs: int, script: str) -> Workload:
    """Return what a sample says. If any manifests are of today's script, only those count."""
    same = [one for one in measured if script and one.script == script]
    used = same or measured
    other = bool(script) and not same
    seconds = [one.seconds for one in used]
    error = EIGHTY * stdev(seconds) / len(used) ** 0.5 / mean(seconds) if len(used) > 1 else 1.0
    factors = UNSURE if other else (max(UNSURE[0], 1 - DRIFT - error), 1 + DRIFT + error)
    return Workload(
        jobs=jobs,
        seconds=_around(mean(seconds), factors),
        source=f"{len(used)} jobs of earlier runs{' with another script' if other else ''}",
        guess=other,
        inputs=mean(one.inputs for one in used),
        files=mean(one.files for one in used),
        output_bytes=mean(one.output_bytes for one in used),
    )


def _measured(settings: Settings, s3: S3Client) -> list[Measured]:
    """Return what a sample of the app's manifests says; empty if they cannot be read.

    Their names are hashes, so the first of a listing are a random sample.
    """
    bucket, prefix = settings.AWS_BUCKET, state_key(settings.APP_NAME, "manifests", "")

    def read(item: Any) -> Measured | None:
        return find_state(s3, bucket, item["Key"], _in_manifest)

    try:
        listed = pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
        with ThreadPoolExecutor(THREADS) as pool:
            return [one for one in pool.map(read, islice(listed, SAMPLE)) if one and one.seconds]
    except AwsError:
        return []


def _in_manifest(document: Mapping[str, Any]) -> Measured:
    """Return what a manifest says.

    Inputs are downloaded, and outputs uploaded, while another job is in FIJI (docs/worker.md): the slowest
    phase holds the worker.
    """
    phases = {phase: number(document["seconds"], phase) for phase in document["seconds"]}
    sending = sum(phases.get(phase, 0.0) for phase in ("claim", "upload", "commit", "settle"))
    receiving = phases.get("look", 0.0) + phases.get("inputs", 0.0)
    return Measured(
        seconds=max(phases.get("fiji", 0.0), sending, receiving),
        inputs=len(document["inputs"]),
        files=len(document["outputs"]),
        output_bytes=sum(number(output, "bytes") for output in document["outputs"]),
        script=text(document, "script_sha256", ""),
    )
