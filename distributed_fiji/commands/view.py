"""What the monitor shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from distributed_fiji.monitor.observe import phases
from distributed_fiji.monitor.result import counted
from distributed_fiji.monitor.snapshot import Snapshot
from worker.contract.text import one_line

#: Seconds over which the rate is calculated.
RATE_WINDOW = 900

#: Seconds after which a plain line is printed even if nothing changed.
PLAIN_EVERY = 60


@dataclass
class Progress:
    """The course of a run so far: enough for a rate and the time left."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def add(self, now: float, finished: int) -> None:
        """Record how many jobs were finished at a time (seconds since 1970)."""
        self.seen = [(time, count) for time, count in self.seen if time >= now - RATE_WINDOW]
        self.seen.append((now, finished))

    def per_hour(self) -> float | None:
        """Return finished jobs per hour, or None if it is not known yet."""
        (first, before), (last, after) = self.seen[0], self.seen[-1]
        if last - first < 1 or after <= before:
            return None
        return (after - before) * 3600 / (last - first)


def figures(seen: Snapshot, progress: Progress) -> dict[str, str]:
    """Return the figures of one look, by name, in display order."""
    jobs = seen.jobs
    total = len(jobs.submitted)
    rate = progress.per_hour()
    left = max(len(jobs.unaccounted), 0) if total else seen.left
    waiting = seen.queue.visible + seen.queue.delayed if seen.queue else 0
    if jobs.bundled:  # the queue's count is one of messages
        waiting = max(0, left - _running(seen))
    machines = phases(seen.machines)
    states = ", ".join(f"{count} {state}" for state, count in sorted(machines.items()))
    notes = {"with warnings": jobs.warned, "without outputs": jobs.without_outputs}
    how = "".join(f", {count} {note}" for note, count in notes.items() if count)
    how += f", as of {datetime.fromtimestamp(seen.counted):%H:%M}" if seen.counted else ""
    return {
        "done": (f"{jobs.done} of {total}" if total else str(jobs.done)) + (f" ({how[2:]})" if how else ""),
        "running": running(seen),
        "waiting": str(waiting),
        "failed": counted(jobs.failed_attempts, "attempt")
        + (f" of {counted(len(jobs.failing), 'job')}" if jobs.failing else ""),
        "dead": str(jobs.gone_dead),
        "machines": f"{sum(machines.values())} of {seen.target_capacity}"
        + (f" ({states})" if states else ""),
        "rate": f"{rate:.0f} jobs/h" if rate else "not yet known",
        "time left": duration(left * 3600 / rate) if rate and left else "not yet known" if left else "none",
        "spent": f"about ${seen.spent:.2f}",
    }


def _running(seen: Snapshot) -> int:
    """Return how many jobs workers run: each one of them, and no more than messages are in flight."""
    workers = sum(task.status == "RUNNING" for task in seen.tasks)
    held = seen.queue.in_flight if seen.queue else 0
    return min(held, seen.at_work if seen.work_is_known else workers)


def running(seen: Snapshot) -> str:
    """Return how many jobs are running, and how many more workers hold: received early, or being uploaded.

    The queue counts both as in flight. A worker runs one job at a time, and its protection shows that it
    holds some. If that is unknown, at most as many run as there are workers. Failed jobs that wait for their
    next try are in flight too: SQS hides them, and does not say which they are. If no worker holds a job, all
    of them are.
    """
    held = seen.queue.in_flight if seen.queue else 0
    run = _running(seen)
    if seen.jobs.bundled:
        return str(run)
    where = "held by workers"
    if seen.jobs.failing:
        none_held = seen.work_is_known and not seen.at_work
        where = "waiting for a retry" if none_held else f"{where}, or waiting for a retry"
    return f"{run} (+{held - run} {where})" if held > run else str(run)


def duration(seconds: float) -> str:
    """Return a time span as 1:02:03."""
    return str(timedelta(seconds=round(seconds)))


class View:
    """Shows look after look: in place on a terminal; elsewhere, a line when something changes.

    `draw`: returns a picture for below the table, or None. `named`: names commands as the user called them.
    """

    def __init__(
        self,
        console: Console,
        app_name: str,
        draw: Callable[[Snapshot], RenderableType | None] | None = None,
        named: Callable[[str], str] = str,
    ) -> None:
        self._console = console
        self._named = named
        self._draw = draw
        self._app_name = app_name
        self._progress = Progress()
        self._live: Live | None = None
        self._last: tuple[str, float] = ("", 0.0)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Keep the live table displayed for as long as the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, auto_refresh=False) as self._live:
            yield
        self._live = None

    def show(self, seen: Snapshot) -> None:
        """Show one look."""
        self._progress.add(seen.counted or seen.now, seen.jobs.done + seen.jobs.gone_dead)
        shown = figures(seen, self._progress)
        if self._live is not None:
            plates = self._draw(seen) if self._draw else None
            table = self._table(seen, shown)
            self._live.update(Group(table, plates) if plates else table, refresh=True)
            return
        names = ("done", "running", "waiting", "failed", "dead", "machines")
        line = ", ".join(f"{name} {shown[name]}" for name in names)
        if line != self._last[0] or seen.now - self._last[1] >= PLAIN_EVERY:
            self._last = (line, seen.now)
            self.tell(f"{line}, time left {shown['time left']}, spent {shown['spent']}")

    def tell(self, sentence: str) -> None:
        """Print a sentence with the time, above the live table."""
        time = datetime.now().strftime("%H:%M:%S")
        line = one_line(self._named(sentence))
        self._console.print(f"{time} {line}", highlight=False, markup=False, soft_wrap=True)

    def _table(self, seen: Snapshot, shown: dict[str, str]) -> Table:
        table = Table(title=self._app_name, show_header=False, min_width=50)
        total = max(1, len(seen.jobs.submitted))
        if seen.jobs.submitted:
            table.add_row("", ProgressBar(total=total, completed=seen.jobs.done, width=40))
        for name, value in shown.items():
            table.add_row(name, escape(value))
        return table
