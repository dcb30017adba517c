"""R1 and R5: workers that are killed, or asked to leave, at random moments."""

from __future__ import annotations

import functools
import random
import signal
import time
from collections.abc import Iterator

from tests.faults.audit import audit, outcomes
from tests.faults.ground import Ground, finish, seconds_until, side_by_side
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import Run, WorkerProcess, a_job, submit
from worker.contract.jobs import Job

#: The most seconds between a worker's start, readiness or job, and its being killed or asked to leave.
LONGEST_LIFE = 1.5
#: The most jobs before it is killed, so that killing does not depend on how busy the machine is.
MOST_JOBS = 2
#: The share (0 to 1) of killed workers that die while starting.
DIE_EARLY = 0.15
READY = "waits for jobs"
#: How many jobs are sent ahead of those that are done.
STOCK = 40
GRACE_SECONDS = 1
VISIBLE_SECONDS = 2
EXIT_SECONDS = 10


def random_jobs(chance: random.Random, longest: float) -> Iterator[Job]:
    """Yield endless jobs, each with outputs that differ from run to run."""
    number = 0
    while True:
        number += 1
        yield a_job(number, sleep=round(chance.uniform(0, longest), 2), files=3, content="random")


def killed_at_random(ground: Ground, *, kills: int, jobs: int, workers: int, on: str) -> Report:
    """Kill workers (SIGKILL) at random moments and start others instead, until enough have died."""
    report = Report()
    chance = ground.chance(f"R1 {on}")
    with ground.run("kills", on=on, retries=8) as run:
        coming = random_jobs(chance, 0.5)
        sent = [next(coming) for _ in range(jobs)]
        submit(run, sent)
        start = functools.partial(harness.start_worker, run, SQS_MESSAGE_VISIBILITY=6, HEARTBEAT_SECONDS=2)
        slots = [_Slot(start(), chance) for _ in range(workers)]
        while report.injected["SIGKILL"] < kills:
            time.sleep(0.02)
            for number, slot in enumerate(slots):
                if not slot.is_due():
                    continue
                lives = slot.worker.process.poll() is None
                report.expect(lives, f"a worker ended: {slot.worker.text()[-300:]}")
                slot.worker.process.kill()
                slot.worker.process.wait()
                report.injected["SIGKILL"] += 1
                slots[number] = _Slot(start(), chance)
                if sum(harness.counts(run)) < min(STOCK, jobs):
                    more = [next(coming) for _ in range(10)]
                    sent += more
                    submit(run, more)
        finish(run, 120)
        audit(run, sent, report)
    return report


class _Slot:
    """A worker, and when it is killed: during its start, or some time after a number of its jobs."""

    def __init__(self, worker: WorkerProcess, chance: random.Random) -> None:
        self.worker = worker
        self._early = chance.random() < DIE_EARLY
        self._jobs = chance.randrange(MOST_JOBS + 1)
        self._life = chance.uniform(0, LONGEST_LIFE)
        self._from: float | None = time.monotonic() if self._early else None

    def is_due(self) -> bool:
        if self._from is None:
            if READY in self.worker.text() and len(self.worker.lines()) >= self._jobs:
                self._from = time.monotonic()
            return False
        return time.monotonic() > self._from + self._life


def asked_to_leave(ground: Ground, *, signals: int, lanes: int) -> Report:
    """Send SIGTERM to workers at random moments. Each lane has its own queue, which can be observed."""
    report = Report()

    def lane(number: int) -> None:
        # One lane in four uses moto.
        on = "moto" if number % 4 == 3 else "ministack"
        with ground.run(f"lane{number}", on=on, retries=30) as run:
            _lane(run, ground.chance(f"R5 {number}"), signals // lanes, report)

    side_by_side(functools.partial(lane, number) for number in range(lanes))
    return report


def _lane(run: Run, chance: random.Random, signals: int, report: Report) -> None:
    coming = random_jobs(chance, 3.0)
    sent: list[Job] = []
    for _ in range(signals):
        while sum(harness.counts(run)) < 3:
            sent.append(next(coming))
            submit(run, sent[-1:])
        worker = harness.start_worker(run, STOP_GRACE_SECONDS=GRACE_SECONDS)
        if chance.random() > DIE_EARLY:
            harness.wait_until(lambda worker=worker: READY in worker.text(), 90)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 2 * LONGEST_LIFE))
        worker.process.send_signal(signal.SIGTERM)
        report.injected["SIGTERM"] += 1
        _watch_it_leave(run, worker, report)
    harness.start_worker(run)
    finish(run, 90)
    report.outcomes["given back"] += sum(line["outcome"] == "INTERRUPTED" for line in outcomes(run))
    audit(run, sent, report)


def _watch_it_leave(run: Run, worker: WorkerProcess, report: Report) -> None:
    """Its messages are visible again within 2 s after its grace ends, and it is gone within 10."""
    visible = seconds_until(lambda: harness.counts(run)[1] == 0, 30) - GRACE_SECONDS
    report.expect(
        visible <= VISIBLE_SECONDS, f"its messages were back after {visible:.1f} s: {worker.text()[-500:]}"
    )
    gone = seconds_until(lambda: worker.process.poll() is not None, 30) + max(0.0, visible)
    report.expect(gone <= EXIT_SECONDS, f"it was gone after {gone:.1f} s")
    # Until it can handle signals, Python dies from them; nothing has been received by then.
    report.expect(worker.process.returncode in (0, -signal.SIGTERM), f"exit code {worker.process.returncode}")
    report.expect(harness.counts(run)[1] == 0, "a message came in flight after that")
