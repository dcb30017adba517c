"""R9: a FIJI that hangs, in four ways."""

from __future__ import annotations

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import a_job, submit

STALL_SECONDS, JOB_SECONDS = 1.5, 3.0
#: How FIJI hangs (see the stand-in), and after how many seconds it must be ended.
WAYS = {"silent": STALL_SECONDS, "noisy": JOB_SECONDS, "term": STALL_SECONDS, "closed": STALL_SECONDS}
AFTER_SECONDS = 5.0


def hung_fiji(ground: Ground, *, of_each: int, workers: int) -> Report:
    """Each is ended with all it started within its time-out + 5 s, and its job fails for that reason."""
    report = Report()
    with ground.run("hung", retries=1) as run:
        sent = {
            way: [
                a_job(100 * row + number, hang=way, spawn=("", "group", "session")[number % 3])
                for number in range(of_each)
            ]
            for row, way in enumerate(WAYS)
        }
        jobs = [job for of_way in sent.values() for job in of_way]
        ground.chance("R9").shuffle(jobs)
        submit(run, jobs)
        for _ in range(workers):
            harness.start_worker(
                run, STALL_TIMEOUT_MINUTES=STALL_SECONDS / 60, JOB_TIMEOUT_MINUTES=JOB_SECONDS / 60
            )
        finish(run, 60 + 5 * len(jobs))
        for way, of_way in sent.items():
            report.injected[way] += len(of_way)
            for job in of_way:
                _check(run, job, way, report)
        audit(run, jobs, report)
    return report


def _check(run: harness.Run, job: harness.Job, way: str, report: Report) -> None:
    expected = "timed out" if way == "noisy" else "stalled"
    (record, *_) = harness.failures(run, job.job_id) or [{}]
    report.expect(record.get("class") == expected, f"{way}: recorded as {record.get('class')}")
    # Time counts from the run's first sign of life; starting the process comes before.
    took = float(record.get("seconds", {}).get("fiji", float("inf")))
    report.expect(took <= WAYS[way] + AFTER_SECONDS, f"{way}: ended after {took} s")
