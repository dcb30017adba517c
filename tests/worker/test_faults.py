"""Short forms of the fault campaign: kills, signals, and an API that fails one call in ten. Seeded."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests import emulators
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

#: One call in ten fails, in the ways in which AWS fails (microburst's rules: the first that fires counts).
ONE_IN_TEN = [
    {"service": "s3", "probability": 0.02, "error": {"code": "SlowDown", "status": 503}},
    {"service": "s3", "probability": 0.02, "error": {"code": "InternalError", "status": 500}},
    {"service": "sqs", "probability": 0.02, "error": {"code": "ThrottlingException", "status": 400}},
    {"service": "sqs", "probability": 0.02, "error": {"code": "InternalError", "status": 500}},
    {"service": "*", "probability": 0.02, "reset": True},
    {"service": "*", "probability": 0.02, "timeout_ms": 3000},
    {"service": "*", "probability": 0.02, "response": {"abort_frac": 0.3}},
]


def test_an_api_that_fails_one_call_in_ten_costs_no_job(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=6) as run:
        work_with_faults(run, tmp_path)


def work_with_faults(run: Run, tmp_path: Path) -> None:
    jobs = [a_job(number, files=2, content="random") for number in range(25)]
    submit(run, jobs)

    with emulators.microburst(tmp_path, run.cloud.url) as proxy:
        emulators.set_faults(proxy, *ONE_IN_TEN)
        worker = harness.start_worker(
            run,
            AWS_ENDPOINT_URL=proxy,
            CALL_SECONDS=2,
            SQS_MESSAGE_VISIBILITY=9,
            HEARTBEAT_SECONDS=3,
        )
        harness.wait_until_settled(run, 120)
        worker.stop()
        assert len(emulators.fired_faults(proxy)) > 5

    assert harness.check_settled(run, jobs) == []
    harness.check_nothing_left(run)


def test_workers_killed_at_random_lose_nothing(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=20) as run:
        kill_at_random(run)


def kill_at_random(run: Run) -> None:
    chance = random.Random(1)
    jobs = [a_job(number, sleep=0.2, files=2, content="random") for number in range(24)]
    submit(run, jobs)

    while harness.counts(run) != (0, 0) and len(run.workers) < 8:
        worker = harness.start_worker(run, SQS_MESSAGE_VISIBILITY=2, HEARTBEAT_SECONDS=0.5)
        time.sleep(chance.uniform(1.0, 2.5))
        worker.process.kill()
        worker.process.wait()
    last = harness.start_worker(run)
    harness.wait_until_settled(run, 90)
    last.stop()

    assert harness.check_settled(run, jobs) == []
    harness.check_nothing_left(run)


def test_workers_asked_to_leave_at_random_lose_nothing(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=20) as run:
        ask_at_random(run)


def ask_at_random(run: Run) -> None:
    chance = random.Random(2)
    jobs = [a_job(number, sleep=0.2, files=2) for number in range(24)]
    submit(run, jobs)

    while harness.counts(run) != (0, 0) and len(run.workers) < 5:
        worker = harness.start_worker(run, STOP_GRACE_SECONDS=1)
        time.sleep(chance.uniform(1.0, 3.0))
        assert worker.stop(signal.SIGTERM) == 0
        assert harness.counts(run)[1] == 0
    last = harness.start_worker(run)
    harness.wait_until_settled(run, 90)
    last.stop()

    assert harness.check_settled(run, jobs) == []
    harness.check_nothing_left(run)
