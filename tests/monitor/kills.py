"""Kill monitor and cleanup right after their k-th API call, for every k, and run them again.

`python -m tests.monitor.kills [monitor] [cleanup]` tries every k; the tests try some. A process's death is a
BaseException out of the call, which nothing but `finally` survives.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributed_fiji.aws import Clients
from distributed_fiji.inventory import inventory
from tests.emulators import ministack
from tests.monitor.builders import DyingSession, EmulatedSession, Killed, a_run, some_jobs
from tests.monitor.conftest import control_plane
from tests.monitor.screen import clean, watch


@dataclass(frozen=True)
class Outcome:
    """What came of killing a command after its k-th call. `died`: it had as many calls."""

    died: bool
    exit_code: int
    left: tuple[str, ...]
    done: int = 0
    dead: int = 0


def kill_monitor(session: EmulatedSession, app: str, calls: int) -> Outcome:
    """Kill the monitor of a run with one job done and one dead, run it again; return what came of it."""
    clients = Clients(session)
    run = a_run(clients, app, machines=1)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    dying = Clients(DyingSession(session, calls))
    died = dies(lambda: watch(run, clients=dying))
    result, _ = watch(run)
    return Outcome(died, result.exit_code, billing(clients, app), result.done, result.dead)


def kill_cleanup(session: EmulatedSession, app: str, calls: int) -> Outcome:
    """Kill cleanup of a live run, run it again; return what came of it."""
    clients = Clients(session)
    a_run(clients, app, machines=1)
    dying = Clients(DyingSession(session, calls))
    died = dies(lambda: clean(dying, app, keep=()))
    code, _ = clean(clients, app, keep=())
    left = tuple(f"{item.kind} {item.name}" for item in inventory(clients, app))
    return Outcome(died, code, left)


def dies(command: Callable[[], object]) -> bool:
    """Run a command; return whether it was killed."""
    try:
        command()
    except Killed:
        return True
    return False


def billing(clients: Clients, app: str) -> tuple[str, ...]:
    """Name what still bills, and what setup would trip over."""
    passive = ("role", "instance profile", "log group", "results")
    return tuple(
        f"{item.kind} {item.name}"
        for item in inventory(clients, app)
        if item.kind not in passive and item.name != f"{app}DeadMessages"
    )


#: What is killed, and the exit code that the second run must have.
COMMANDS = {"monitor": (kill_monitor, 3), "cleanup": (kill_cleanup, 0)}


def main(names: list[str]) -> int:
    """Try every k of the commands named; return 1 when any did not converge."""
    folder = Path(tempfile.mkdtemp())
    failures = 0
    with control_plane(folder) as control, ministack(folder) as data:
        session = EmulatedSession(control, data)
        for name in names or COMMANDS:
            (kill, wanted), begun, calls = COMMANDS[name], time.monotonic(), 1
            while (outcome := kill(session, f"{name.title()}{calls}", calls)).died:
                if outcome.exit_code != wanted or outcome.left:
                    failures += 1
                    print(f"{name} killed after call {calls}: {outcome}", flush=True)
                calls += 1
            print(
                f"{name}: killed after each of {calls - 1} calls, {time.monotonic() - begun:.0f} s",
                flush=True,
            )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
