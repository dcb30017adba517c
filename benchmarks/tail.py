"""The tail: do jobs that workers take ahead of their turn make the last ones end later?

Two workers share an uneven queue, with overlap and without. A worker that took a job ahead which the other
could have begun would make the makespan longer by up to one job. The least it can be is known: the jobs are a
wait each, in a FIJI that takes no time to speak of.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common import Target, finish, in_turns, show
from benchmarks.distance import ministack
from tests.worker import harness

ROUNDS = 3
WORKERS = 2
JOB_SECONDS = 2.0
#: Jobs in the queue, and how many one after another the busier of two workers must do.
QUEUES = {3: 2, 4: 2, 5: 3, 8: 4}
WAYS: Mapping[str, Mapping[str, object]] = {"overlap": {}, "no overlap": {"OVERLAP": False, "STANDBY": False}}


def main() -> list[Target]:
    """Measure all queues in both ways and print one table."""
    rows, targets = [], []
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as emulator:
        cloud = harness.connect(emulator.near)
        for jobs, turns in QUEUES.items():
            ways = {name: partial(makespan, cloud, jobs, changes) for name, changes in WAYS.items()}
            seconds = {name: median(figures) for name, figures in in_turns(ways, ROUNDS).items()}
            least = turns * JOB_SECONDS
            rows.append([jobs, least, *(f"{value:.2f}" for value in seconds.values())])
            ratio = seconds["overlap"] / seconds["no overlap"]
            targets.append(Target(f"{jobs} jobs, makespan with overlap / without", ratio, "x", at_most=1.05))
    title = f"{WORKERS} workers, jobs of {JOB_SECONDS:g} s, seconds to the last, medians of {ROUNDS} runs"
    show(title, ["jobs", "least possible", *WAYS], rows)
    return targets


def makespan(cloud: harness.Cloud, jobs: int, changes: Mapping[str, Any]) -> float:
    """Return the seconds from sending the jobs to waiting workers until the last is done."""
    with tempfile.TemporaryDirectory() as folder, harness.a_run(cloud, Path(folder)) as run:
        workers = [harness.start_worker(run, **changes) for _ in range(WORKERS)]
        harness.wait_until(lambda: all("waits for jobs" in worker.text() for worker in workers), 120)
        started_at = time.monotonic()
        harness.submit(run, [harness.a_job(number, sleep=JOB_SECONDS) for number in range(jobs)])
        harness.wait_until(lambda: sum(len(worker.lines()) for worker in workers) == jobs, 120)
        return time.monotonic() - started_at


if __name__ == "__main__":
    sys.exit(finish(main()))
