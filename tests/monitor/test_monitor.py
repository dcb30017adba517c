"""The monitor on emulators: a run is watched to its end and taken down, and nothing else is touched."""

from __future__ import annotations

import io
import time

from rich.console import Console

from distributed_fiji.aws import Clients
from distributed_fiji.inventory import inventory
from distributed_fiji.terminal import Terminal
from distributed_fiji.watch import MonitorResult, monitor
from tests.monitor.builders import ARun, SteppedClock, a_run, some_jobs


class Screen:
    """A terminal that keeps what was printed."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.terminal = Terminal(Console(file=self.out, width=200), Console(file=self.err, width=200))

    @property
    def text(self) -> str:
        return self.out.getvalue() + self.err.getvalue()


def watch(run: ARun, on_sleep=None, *, cheapest: bool = False) -> tuple[MonitorResult, Screen]:
    """Run the monitor with a clock that jumps; the world goes on at each of its waits."""
    screen = Screen()
    clock = SteppedClock(time.time(), on_sleep)
    result = monitor(run.record, run.clients, cheapest=cheapest, clock=clock, out=screen.terminal)
    return result, screen


def kinds(run: ARun) -> set[str]:
    return {item.kind for item in inventory(run.clients, run.app)}


def test_a_run_is_watched_to_its_end_and_nothing_that_bills_is_left(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(3))

    result, screen = watch(run, lambda: run.work_off() if kinds_left(run) else None)

    assert result.exit_code == 0
    assert result.done == 3
    assert kinds(run) == {"role", "instance profile", "log group", "results"}
    assert "3 jobs done" in screen.text


def kinds_left(run: ARun) -> int:
    from distributed_fiji.removal import messages_left

    return messages_left(run.clients.sqs, run.record.MONITOR_QUEUE_NAME)


def test_a_dead_letter_ends_the_run_with_exit_3_its_reason_and_its_queue_kept(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="the macro called exit('no image')")

    result, screen = watch(run)

    assert (result.exit_code, result.done, result.dead) == (3, 1, 1)
    assert "no image" in screen.text
    assert "queue" in kinds(run)
    assert run.record.dead_letter_queue in screen.text
