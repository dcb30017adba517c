"""What must hold after a fault: each job has a manifest that its outputs match, or died with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import Run
from worker.contract.jobs import Job, encode_message, manifest_key, state_key

THREADS = 8


def audit(run: Run, jobs: Sequence[Job], report: Report, *, poison: Sequence[str] = ()) -> None:
    """Examine everything that a run left, once all its workers are gone; record counts and problems."""
    dead = set(harness.dead_letters(run))
    report.expect(harness.counts(run) == (0, 0), f"the queue holds {harness.counts(run)} messages")
    with ThreadPoolExecutor(THREADS) as pool:
        ends = list(pool.map(lambda job: _end_of(run, job, dead), jobs))
    for job, (end, problem) in zip(jobs, ends, strict=True):
        report.outcomes[end] += 1
        report.expect(not problem, f"job {job.job_id} ({end}): {problem}")
    _audit_poison(run, poison, dead, report)
    own = {manifest_key(run.app_name, job.job_id) for job in jobs}
    strange = set(harness.keys(run, state_key(run.app_name, "manifests"))) - own
    report.expect(not strange, f"manifests of no job: {sorted(strange)[:3]}")
    _audit_leftovers(run, report)


def outcomes(run: Run) -> list[dict[str, Any]]:
    """Return all log lines about jobs, from all workers of a run."""
    return [line for worker in run.workers for line in worker.lines()]


def crashes(run: Run) -> list[str]:
    """Return errors of the worker itself in the workers' logs."""
    lines = [line for worker in run.workers for line in worker.text().splitlines()]
    return [line for line in lines if '"level": "error"' in line or line.startswith("Traceback")]


def _end_of(run: Run, job: Job, dead: set[str]) -> tuple[str, str]:
    """Return how a job ended, and what is wrong with that ("" for nothing)."""
    document = harness.manifest(run, job)
    if document:
        return "done", _unlike(run, document)
    if encode_message(job) not in dead:
        return "lost", "neither a manifest nor a dead letter"
    records = harness.failures(run, job.job_id) or harness.failures(run, _rejected(encode_message(job)))
    reasons = [str(record["sentence"]) for record in records]
    if not reasons and not _was_judged(run, job):
        # No worker got far enough to say why; the monitor and the janitor record exactly that.
        return "dead, as all its workers were lost", ""
    return "dead", "" if reasons and all(reasons) else f"no reason: {harness.told(run, job)}"


def _was_judged(run: Run, job: Job) -> bool:
    """Whether some worker completed a judgment of the job, which it must have recorded."""
    gone = ("INTERRUPTED", "LEASE_LOST")
    return any(line["job"] == job.job_id and line["outcome"] not in gone for line in outcomes(run))


def _rejected(body: str) -> str:
    """Return the substitute for a job id in the records of an invalid message."""
    return f"rejected-{hashlib.sha256(body.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _unlike(run: Run, document: dict[str, Any]) -> str:
    """Return which output differs from its manifest; "" if none does."""
    if not document["outputs"]:
        return "its manifest lists no output"
    for output in document["outputs"]:
        try:
            body = run.cloud.s3.get_object(Bucket=document["destination"], Key=output["key"])["Body"].read()
        except run.cloud.s3.exceptions.NoSuchKey:
            return f"{output['key']} is not there"
        if (len(body), hashlib.sha256(body).hexdigest()) != (output["bytes"], output["sha256"]):
            return f"{output['key']} is not as its manifest says"
    return ""


def _audit_poison(run: Run, poison: Iterable[str], dead: set[str], report: Report) -> None:
    for body in poison:
        records = harness.failures(run, _rejected(body))
        report.outcomes["refused"] += 1
        report.expect(body in dead, f"no dead letter: {body[:60]!r}")
        report.expect(records and records[0]["sentence"], f"no reason: {body[:60]!r}")


def _audit_leftovers(run: Run, report: Report) -> None:
    left = list(run.scratch.glob("*")) if run.scratch.exists() else []
    # A killed worker's leftovers are removed by the next one to start there; here, the last has ended well.
    report.expect(not left, f"left in scratch: {[path.name for path in left[:3]]}")
    running = harness.processes(run)
    report.expect(not running, f"processes left: {[process.pid for process in running[:3]]}")
    wrong = crashes(run)
    report.expect(not wrong, f"{len(wrong)} errors of the worker itself: {wrong[:1]}")
