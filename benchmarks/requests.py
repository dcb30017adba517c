"""What a job asks of AWS, counted at real workers, and what a million such jobs cost.

A proxy between the workers and the emulator counts each request by its kind. A job has one input of its own,
leaves three outputs and prints 25 lines; heartbeats are those of config.py. FIJI is the stand-in, which
sleeps: only how long a job takes matters here. What submitting costs is added as it is: a tenth of a request,
because SQS takes ten messages in one.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import Target, finish, show
from benchmarks.distance import ministack
from distributed_fiji.aws import pricelist
from tests import emulators
from tests.worker import harness

JOBS_OF_A_WORKER, WORKERS = 4, 4
MILLION = 1_000_000
#: Dollars of 1,000 requests of each kind that a worker makes; the ones of CloudWatch Logs cost by bytes.
PRICES = {
    "PutObject": pricelist.S3_WRITES,
    "ListObjectsV2": pricelist.S3_WRITES,
    "GetObject": pricelist.S3_READS,
    "HeadObject": pricelist.S3_READS,
    "ReceiveMessage": pricelist.SQS_REQUESTS,
    "DeleteMessage": pricelist.SQS_REQUESTS,
    "ChangeMessageVisibility": pricelist.SQS_REQUESTS,
    "GetQueueAttributes": pricelist.SQS_REQUESTS,
}
SENDING = 0.1


@dataclass(frozen=True)
class Counted:
    """Requests a job, by kind."""

    seconds: float
    each: dict[str, float]

    @property
    def dollars(self) -> float:
        """What the requests of a million jobs cost, in dollars."""
        asked = sum(self.each.get(kind, 0) * price for kind, price in PRICES.items())
        return (asked + SENDING * pricelist.SQS_REQUESTS) * MILLION / 1000


def count(seconds: float, folder: Path) -> Counted:
    """Let workers do jobs of so many seconds, and count what each of their jobs asks for."""
    folder.mkdir()
    with (
        ministack(folder) as emulator,
        emulators.microburst(folder, emulator.near) as proxy,
        harness.a_run(harness.connect(emulator.near), folder / "run") as run,
    ):
        run.cloud.logs.create_log_group(logGroupName=run.app_name)
        jobs = []
        for number in range(WORKERS * JOBS_OF_A_WORKER):
            key = f"images/{number}.tif"
            run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=b"x" * 10_000)
            jobs.append(harness.a_job(number, inputs=[key], files=3, print=25, sleep=seconds))
        harness.submit(run, jobs)
        emulators.set_faults(proxy, {"service": "*", "latency": 1})
        for number in range(WORKERS):
            harness.start_worker(
                run,
                AWS_ENDPOINT_URL=proxy,
                LOG_GROUP_NAME=run.app_name,
                SQS_MESSAGE_VISIBILITY=180,
                HEARTBEAT_SECONDS=60,
                WORKER_SCRATCH=run.folder / f"scratch{number}",
            )
        harness.wait_until_settled(run, 60 + 2 * seconds * JOBS_OF_A_WORKER)
        asked = emulators.fired_faults(proxy)
        harness.check_done(run, jobs)
    kinds = Counter(str(call.get("operation")) for call in asked)
    return Counted(seconds, {kind: number / len(jobs) for kind, number in kinds.items()})


def main() -> list[Target]:
    """Count jobs of several lengths; print the requests of a job, and the dollars of a million."""
    with tempfile.TemporaryDirectory() as folder:
        counted = [count(seconds, Path(folder) / f"{seconds:g}") for seconds in (1.0, 5.0, 60.0)]
    kinds = sorted(
        {kind for one in counted for kind in one.each}, key=lambda kind: -counted[-1].each.get(kind, 0)
    )
    rows: list[list[object]] = [[kind, *(one.each.get(kind, 0.0) for one in counted)] for kind in kinds]
    rows.append(["**$ for a million jobs**", *(f"{one.dollars:.2f}" for one in counted)])
    show("Requests of a job, by its length", ["kind", *(f"{one.seconds:g} s" for one in counted)], rows)
    return [Target("requests of a million jobs of 60 s", counted[-1].dollars, " $", at_most=25)]


if __name__ == "__main__":
    sys.exit(finish(main()))
