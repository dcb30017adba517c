"""What `submitJob --dry-run` reports about a job file: how many jobs are done, and why the others run.

Workers decide again when a job arrives (docs/worker.md), and also look at inputs and settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.buckets import list_keys
from distributed_fiji.commands.workload import find_script_hash
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import JobFile
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobids import JobSet
from distributed_fiji.state.jobstate import THREADS, JobState
from distributed_fiji.state.record import new_run
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import manifest_key
from worker.contract.patterns import common_start
from worker.contract.state import text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The states of jobs, in the order of the report.
DONE, NEW, SCRIPT, ELSEWHERE, GONE, ALWAYS = (
    "done already",
    "new",
    "script changed",
    "outputs elsewhere",
    "outputs gone",
    "CHECK_IF_DONE_BOOL = False",
)

#: How many jobs --why names.
MOST_NAMED = 20


def planned_jobs(
    settings: Settings, s3: S3Client, folder: Path, jobs: JobFile, why: str | None = None
) -> list[str]:
    """Return sentences about the jobs of a file. `why`: a job, by its id or by a value of its metadata.

    `folder`: where a script that is a file is. Raises InvalidInput if the file has no such job.
    """
    script = find_script_hash(settings, folder)
    standing = job_standing(settings, s3, jobs, script)
    counts = Counter(state for state, _ in standing.values())
    to_run = len(standing) - counts[DONE]
    reasons = [
        f"{counts[state]:,} {state}" for state in (NEW, SCRIPT, ELSEWHERE, GONE, ALWAYS) if counts[state]
    ]
    said = f"{len(standing):,} job{'' if len(standing) == 1 else 's'}: {counts[DONE]:,} done already,"
    lines = [f"{said} {to_run:,} to run{': ' if reasons else ''}{', '.join(reasons)}"]
    if not script:
        lines.append(
            "Whether the script changed is known to the workers alone, because it is not a file here."
        )
    return lines + (_why(jobs, standing, why) if why else [])


def job_standing(settings: Settings, s3: S3Client, jobs: JobFile, script: str) -> dict[str, tuple[str, str]]:
    """Return each job's state and the reason, by its id. `script`: today's hash, '' if unknown."""
    record = new_run(settings, started=0, run_id="", local=False)
    if not settings.CHECK_IF_DONE_BOOL:
        return dict.fromkeys(jobs.job_ids, (ALWAYS, "done jobs run again"))
    written = JobSet.of(job for job, _ in JobState(record, s3).manifests())

    def read(job: str) -> tuple[str, str, tuple[str, ...]] | None:
        return find_state(s3, record.bucket, manifest_key(record.app_name, job), _in_manifest)

    known = [job for job in jobs.job_ids if job in written]
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(known, pool.map(read, known), strict=True))
    outputs = [key for one in found.values() if one for key in one[2]]
    there = set(list_keys(s3, settings.DESTINATION_BUCKET, common_start(outputs))) if outputs else set()

    def state(job: str) -> tuple[str, str]:
        one = found.get(job)
        if one is None:
            return NEW, "it has no manifest"
        of_script, destination, keys = one
        if script and of_script != script:
            return SCRIPT, f"its manifest is of script {of_script[:12]}, today's is {script[:12]}"
        if destination != settings.DESTINATION_BUCKET:
            return ELSEWHERE, f"its outputs are in {destination}, not in {settings.DESTINATION_BUCKET}"
        gone = [key for key in keys if key not in there]
        return (GONE, f"{gone[0]} is gone") if gone else (DONE, f"{counted(len(keys), 'output')} there")

    return {job: state(job) for job in jobs.job_ids}


def _in_manifest(document: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Return script, destination and the outputs' keys in a manifest."""
    keys = tuple(text(output, "key") for output in document["outputs"])
    return text(document, "script_sha256"), text(document, "destination"), keys


def _why(jobs: JobFile, standing: Mapping[str, tuple[str, str]], why: str) -> list[str]:
    """Return a sentence for each job that is meant."""
    names = dict(jobs.names())
    meant = [job.job_id for job in jobs if why in (job.job_id, *map(str, job.metadata.values()))]
    if not meant:
        raise InvalidInput("Nothing to explain", [f"--why {why}: no job has this id or value"])
    lines = []
    for job in dict.fromkeys(meant[:MOST_NAMED]):
        state, because = standing[job]
        does = "does not run" if state == DONE else "runs"
        lines.append(f"{names.get(job, job)} ({job}) {does}: {state}, {because}")
    return lines + ([f"and {len(meant) - MOST_NAMED} more"] if len(meant) > MOST_NAMED else [])
