"""What a job asks of AWS, counted at real workers, and what a million such jobs cost.

The workers note each call of theirs (tests/policy/trail.py). A job has one input of its own, leaves three
outputs and prints 25 lines; heartbeats are those of config.py. FIJI is the stand-in, which sleeps: only how
long a job takes matters here. A tenth of a request is added for submitting: SQS takes ten messages in one. Of
bundles it is one for each, which may have 64 KB.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import Target, finish, show
from benchmarks.distance import ministack
from distributed_fiji.aws import pricelist
from tests.policy import trail
from tests.worker import harness
from worker.contract.bundles import bundled
from worker.contract.jobs import encode_message, state_key

JOBS, WORKERS = 1_000, 4
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
#: Seconds of a job, and how many share a message.
LENGTHS = ((1.0, 1), (1.0, 60), (5.0, 1), (60.0, 1))


@dataclass(frozen=True)
class Counted:
    """Requests a job, by kind. `bundle`: how many jobs shared a message."""

    seconds: float
    each: dict[str, float]
    bundle: int

    @property
    def name(self) -> str:
        return f"{self.seconds:g} s" + (f", {self.bundle} in a bundle" if self.bundle > 1 else "")

    @property
    def dollars(self) -> float:
        """What the requests of a million jobs cost, in dollars."""
        asked = sum(self.each.get(kind, 0) * price for kind, price in PRICES.items())
        sending = SENDING if self.bundle == 1 else 1 / self.bundle
        return (asked + sending * pricelist.SQS_REQUESTS) * MILLION / 1000


def count(seconds: float, folder: Path, bundle: int) -> Counted:
    """Let workers do jobs of so many seconds from a long queue; count what all but the first ask for."""
    folder.mkdir()
    with (
        ministack(folder) as emulator,
        a_trail(folder / "trail") as asked,
        harness.a_run(harness.connect(emulator.near), folder / "run") as run,
    ):
        run.cloud.logs.create_log_group(logGroupName=run.app_name)
        submit_jobs(run, seconds, bundle)
        for number in range(WORKERS):
            harness.start_worker(
                run,
                LOG_GROUP_NAME=run.app_name,
                SQS_MESSAGE_VISIBILITY=180,
                HEARTBEAT_SECONDS=60,
                WORKER_SCRATCH=run.folder / f"scratch{number}",
            )
        first = wait_until_done(run, WORKERS, seconds)
        before = asked()
        done = wait_until_done(run, first + max(3, int(60 / seconds)) * WORKERS, seconds) - first
        kinds = asked() - before
    return Counted(seconds, {kind: number / done for kind, number in kinds.items()}, bundle)


def submit_jobs(run: harness.Run, seconds: float, bundle: int) -> None:
    """Submit far more jobs than will be done."""
    jobs = []
    for number in range(JOBS):
        key = f"images/{number}.tif"
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=b"x" * 10_000)
        jobs.append(harness.a_job(number, inputs=[key], files=3, print=25, sleep=seconds))
    bodies = ((job.job_id, encode_message(job)) for job in jobs)
    harness.submit(run, [body for _, body in bundled(bodies, bundle)])


def wait_until_done(run: harness.Run, least: int, seconds: float) -> int:
    """Return how many jobs are done, once they are that many."""

    def enough() -> int:
        done = len(harness.keys(run, state_key(run.app_name, "manifests")))
        return done if done >= least else 0

    return int(harness.wait_until(enough, 60 + seconds * least))


@contextmanager
def a_trail(folder: Path) -> Iterator[Callable[[], Counter[str]]]:
    """Let workers that start meanwhile note their calls; yield what counts them by operation."""
    trail.lay(folder)
    os.environ[trail.SITE] = str(folder)

    def count_calls() -> Counter[str]:
        lines = (line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines())
        return Counter(call["operation"] for call in map(json.loads, lines) if "operation" in call)

    try:
        yield count_calls
    finally:
        del os.environ[trail.SITE]


def main() -> list[Target]:
    """Count jobs of several lengths; print the requests of a job, and the dollars of a million."""
    with tempfile.TemporaryDirectory() as folder:
        counted = [
            count(seconds, Path(folder) / f"{seconds:g}-{bundle}", bundle) for seconds, bundle in LENGTHS
        ]
    kinds = sorted(
        {kind for one in counted for kind in one.each}, key=lambda kind: -counted[-1].each.get(kind, 0)
    )
    rows: list[list[object]] = [[kind, *(one.each.get(kind, 0.0) for one in counted)] for kind in kinds]
    rows.append(["**$ for a million jobs**", *(f"{one.dollars:.2f}" for one in counted)])
    show("Requests of a job, by its length", ["kind", *(one.name for one in counted)], rows)
    return [Target("requests of a million jobs of 60 s", counted[-1].dollars, " $", at_most=25)]


if __name__ == "__main__":
    sys.exit(finish(main()))
