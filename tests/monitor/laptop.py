"""The laptop is gone: the monitor's process is killed at a random moment, and the janitor ends the run.

`python -m tests.monitor.laptop [SEEDS]` tries that many seeds; a test tries a few. The monitor is run.py
itself. The janitor is the Lambda that startCluster installs: its real package and handler, called in a
process by the embedded cloud's schedule. Only time is shorter: a minute of the schedule takes half a second.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed_fiji.aws.clients import Clients
from distributed_fiji.clock import SystemClock
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.monitor.decide import Limits
from distributed_fiji.monitor.result import read_verdict
from distributed_fiji.state.openruns import list_open_runs
from distributed_fiji.state.recordfile import write_record
from tests.emulators import CLIENT_ENVIRONMENT
from tests.monitor.builders import ARun, EmulatedSession, a_run, some_jobs
from tests.monitor.conftest import emulators
from tests.monitor.screen import KEPT

CHECKOUT = Path(__file__).resolve().parents[2]

#: Seconds that a minute of the schedule takes; the janitor's period is five of them.
MINUTE = 0.5
PERIOD = 5 * MINUTE

#: Seconds in which the jobs end. The monitor is killed in that time, or while it takes the run down.
WORK, KILL = 3.0, 6.0

#: Seconds in which the janitor must end the run, on a machine that is busy with much else. Only the
#: schedule's minutes are shorter here: if the janitor doubts an empty queue, it does so as long as on AWS.
DEADLINE = 180.0 + Limits().doubt


@dataclass(frozen=True)
class Outcome:
    """The outcome of one seed.

    `rounds`: the janitor's, from the last job's end until nothing was left. `left`: what bills then.
    `finished`: the monitor had ended the run before it was to be killed.
    """

    seed: int
    killed_after: float
    finished: bool
    rounds: int
    seconds: float
    done: int
    dead: int
    left: tuple[str, ...]


def leave_alone(session: EmulatedSession, app: str, seed: int, folder: Path) -> Outcome:
    """Start a run with its monitor, kill the monitor at a random moment, and see what the janitor does."""
    chance, clients = random.Random(f"laptop {seed}"), Clients(session)
    run = a_run(clients, app, machines=chance.randint(1, 3))
    for machine in run.machines():
        run.join(machine)
    jobs, dead = chance.randint(1, 5), chance.randint(0, 1)
    run.submit(some_jobs(jobs + dead))
    install_janitor(clients, run.record, SystemClock())
    record = folder / f"{app}.json"
    write_record(record, run.record)
    killed_after = chance.uniform(0.5, KILL)
    events: list[tuple[float, Callable[[], object]]] = [
        *((chance.uniform(0, WORK), run.work_off) for _ in range(jobs)),
        *((chance.uniform(0, WORK), lambda: run.give_up(reported="no cells")) for _ in range(dead)),
    ]
    with monitoring(record, session) as monitor:
        finished = let_go_on(run, [*events, (killed_after, monitor.kill)], monitor)
    return outcome(run, folder, seed, killed_after, finished)


@contextmanager
def monitoring(record: Path, session: EmulatedSession) -> Iterator[subprocess.Popen[bytes]]:
    """Run the monitor as a user does."""
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "run.py"), "monitor", str(record)],
        env={"PATH": os.environ["PATH"], **CLIENT_ENVIRONMENT, **session.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def let_go_on(
    run: ARun, events: list[tuple[float, Callable[[], object]]], monitor: subprocess.Popen[bytes]
) -> bool:
    """Let things happen at their times (seconds from now), and machines report.

    Return whether the monitor ended the run before its kill.
    """
    begun, finished = time.monotonic(), False
    for due, event in sorted(events, key=lambda item: item[0]):
        while time.monotonic() - begun < due:
            run.report_stopped_tasks()
            time.sleep(0.1)
        if event == monitor.kill:
            finished = monitor.poll() is not None
        event()
    return finished


def outcome(run: ARun, folder: Path, seed: int, killed_after: float, finished: bool) -> Outcome:
    """Wait until no run is open and nothing bills; return the outcome."""
    ended, wall = time.monotonic(), time.time()
    while time.monotonic() - ended < DEADLINE and not settled(run):
        run.report_stopped_tasks()
        time.sleep(0.2)
    verdict = read_verdict(run.clients.s3, run.record)
    return Outcome(
        seed,
        killed_after,
        finished,
        rounds=sum(begun >= wall for begun in rounds_of(folder, run.app)),
        seconds=time.monotonic() - ended,
        done=verdict.done if verdict else -1,
        dead=verdict.dead if verdict else -1,
        left=left_of(run),
    )


def left_of(run: ARun) -> tuple[str, ...]:
    """Return what exists and should not: anything not kept on purpose, and dead letters."""
    return tuple(
        f"{item.kind} {item.name}"
        for item in inventory(run.clients, run.app)
        if item.kind not in KEPT and item.name != run.record.dead_letter_queue
    )


def settled(run: ARun) -> bool:
    """Whether nothing remains to be done for the run."""
    if list_open_runs(run.clients.s3, run.bucket, run.app, run.clients.region):
        return False
    return not any(item.kind in ("schedule", "janitor") for item in inventory(run.clients, run.app))


def rounds_of(folder: Path, app: str) -> list[float]:
    """Return when the janitor's rounds began, in seconds since 1970."""
    log = folder / "logs" / f"lambda-{app}Janitor.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [float(line.split()[1]) for line in lines if line.startswith("START ")]


def main(seeds: int) -> int:
    """Try seeds; print a line for each and a summary; return 1 if the janitor failed in any."""
    folder = Path(tempfile.mkdtemp(prefix="laptop-"))
    outcomes = []
    with emulators(folder, minute=MINUTE) as session:
        for seed in range(seeds):
            outcomes.append(leave_alone(session, f"Gone{seed}", seed, folder))
            print(outcomes[-1], flush=True)
    bad = sum(bool(it.left) or it.rounds > 2 for it in outcomes)
    early = sum(not it.finished for it in outcomes)
    most = max(it.rounds for it in outcomes)
    print(f"{len(outcomes)} seeds, in {early} of them the monitor was killed before it had ended the run")
    print(f"something left, or more than two rounds: {bad}; rounds after the last job: at most {most}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 50))
