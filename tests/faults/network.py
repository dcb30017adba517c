"""R2: one AWS call in ten fails, in the ways AWS calls fail."""

from __future__ import annotations

from typing import Any

from tests import emulators
from tests.faults.audit import audit, crashes, outcomes
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import a_job, submit

#: The rules are tried in this order until one fires; together they make one call in ten fail.
ONE_IN_TEN: list[dict[str, Any]] = [
    {"service": "s3", "probability": 0.02, "error": {"code": "SlowDown", "status": 503}},
    {"service": "s3", "probability": 0.02, "error": {"code": "InternalError", "status": 500}},
    {"service": "sqs", "probability": 0.02, "error": {"code": "ThrottlingException", "status": 400}},
    {"service": "sqs", "probability": 0.02, "error": {"code": "InternalError", "status": 500}},
    {"service": "*", "probability": 0.025, "reset": True},
    {"service": "*", "probability": 0.015, "timeout_ms": 1500},
    # The call succeeds but its answer is cut off: nothing may be done twice.
    {"service": "*", "probability": 0.025, "response": {"abort_frac": 0.3}},
]
KINDS = ("throttled (503)", "500", "throttled (400)", "500", "reset", "timed out", "answer cut off")


def failing_calls(ground: Ground, *, jobs: int, workers: int) -> Report:
    """Process jobs through a proxy that fails one call in ten: no job is lost or dead, and no worker ends."""
    report = Report()
    with ground.run("network", retries=5) as run, ground.proxy(run.cloud.url, *ONE_IN_TEN) as proxy:
        sent = [a_job(number, files=2, content="random") for number in range(jobs)]
        submit(run, sent)
        for _ in range(workers):
            harness.start_worker(
                run,
                AWS_ENDPOINT_URL=proxy,
                CALL_SECONDS=1,
                SQS_MESSAGE_VISIBILITY=9,
                HEARTBEAT_SECONDS=3,
            )
        harness.wait_until_settled(run, 60 + jobs)
        report.expect(all(worker.process.poll() is None for worker in run.workers), "a worker has ended")
        _count(proxy, report)
        finish(run, 60)
        report.outcomes["repeated"] += sum(line["attempt"] > 1 for line in outcomes(run))
        audit(run, sent, report)
        for job in sent:
            if harness.manifest(run, job) is None:
                report.problems.append(f"job {job.job_id} is not done: {harness.told(run, job)}")
        report.outcomes["crashes"] += len(crashes(run))
    return report


def _count(proxy: str, report: Report) -> None:
    for kind, fired in zip(KINDS, emulators.fired_by_rule(proxy), strict=True):
        report.injected[kind] += fired
    faults, calls = sum(report.injected.values()), emulators.calls_through(proxy)
    report.injected["of all calls"] = calls
    report.expect(0.05 < faults / calls < 0.2, f"{faults} of {calls} calls failed")
