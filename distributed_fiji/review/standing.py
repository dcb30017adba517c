"""How a run stands: numbers of jobs that add up, machines, pace, cost, and time left as a range. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import sqrt
from typing import Any

from distributed_fiji.monitor.result import counted
from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot
from distributed_fiji.plates import place_of, plate_of
from distributed_fiji.review.jobstates import metadata_in
from distributed_fiji.review.platemap import Mark, PlateMap

#: Seconds over which the pace is measured, and how many jobs must have ended in them.
WINDOW, FEWEST = 900, 5

#: The width of the pace's range in standard deviations.
DEVIATIONS = 2

#: The beginnings of EC2's reasons for machines that it reclaimed (EC2 API reference, StateReason).
SPOT_LOSS = ("Server.SpotInstance", "Server.InsufficientInstanceCapacity")


@dataclass(frozen=True)
class Standing:
    """Jobs, which add up to `total`; machines by type, zone and state; the pace in jobs per hour.

    `seconds_left` and `expected` (total dollars) are ranges; None if unknown.
    """

    app: str
    total: int
    done: int
    with_warnings: int
    without_outputs: int
    running: int
    waiting: int
    to_be_tried: int
    given_up: int
    not_submitted: int
    machines: Mapping[str, int]
    spot_losses: int
    spent: float
    pace: float | None = None
    seconds_left: tuple[float, float] | None = None
    expected: tuple[float, float] | None = None
    unread: str = ""

    @property
    def left(self) -> int:
        """Jobs that may still become done."""
        return self.running + self.waiting + self.to_be_tried

    @property
    def all_done(self) -> bool:
        return self.done == self.total and not self.unread

    def document(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def standing_of(app: str, seen: Snapshot, started: float) -> Standing:
    """Return how a run stands. `started`: the run's (seconds since 1970)."""
    jobs = seen.jobs
    running, waiting, to_be_tried, not_submitted = _unfinished(jobs, seen)
    pace = _pace(seen.counted or seen.now, jobs.written)
    left = running + waiting + to_be_tried
    seconds = (left / pace[1], left / pace[0]) if pace and left else None
    return Standing(
        app=app,
        total=len(jobs.submitted) or jobs.done + jobs.gone_dead + left,
        done=jobs.done if not jobs.submitted else len(jobs.done_ids),
        with_warnings=jobs.warned,
        without_outputs=jobs.without_outputs,
        running=running,
        waiting=waiting,
        to_be_tried=to_be_tried,
        given_up=jobs.gone_dead,
        not_submitted=not_submitted,
        machines=machines_of(seen.machines),
        spot_losses=sum(one.why_ended.startswith(SPOT_LOSS) for one in seen.machines),
        spent=round(seen.spent, 2),
        pace=round(sum(pace) / 2 * 3600, 1) if pace else None,
        seconds_left=seconds,
        expected=_expected(seen, seconds, started),
        unread=seen.unread,
    )


def _expected(seen: Snapshot, left: tuple[float, float] | None, started: float) -> tuple[float, float] | None:
    """Return the run's total cost if it continues at this rate."""
    if not (left and seen.spent and started):
        return None
    a_second = seen.spent / max(1.0, seen.now - started)
    return round(seen.spent + a_second * left[0], 2), round(seen.spent + a_second * left[1], 2)


def _unfinished(jobs: Jobs, seen: Snapshot) -> tuple[int, int, int, int]:
    """Return how many jobs are running, waiting, being retried, and were never sent; each job is in one.

    The queue does not say which jobs are running: as many as there are workers with a job, but no more than
    are left.
    """
    left = len(jobs.unaccounted) if jobs.submitted else seen.left
    is_counted = jobs.unfinished and seen.queue and not jobs.bundled
    not_sent = max(0, left - seen.left) if is_counted else 0
    left -= not_sent
    in_flight = seen.queue.in_flight if seen.queue else 0
    workers = seen.at_work if seen.work_is_known else sum(task.status == "RUNNING" for task in seen.tasks)
    running = min(left, in_flight, workers)
    to_be_tried = min(len(jobs.failing - jobs.dead), left - running)
    return running, left - running - to_be_tried, to_be_tried, not_sent


def _pace(now: float, written: Iterable[float]) -> tuple[float, float] | None:
    """Return the lowest and highest pace, in jobs per second, that fit the latest manifests."""
    times = sorted(time for time in written if now - WINDOW <= time <= now)
    if len(times) < FEWEST:
        return None
    seconds, spread = max(1.0, now - times[0]), DEVIATIONS * sqrt(len(times))
    return max(len(times) - spread, 1) / seconds, (len(times) + spread) / seconds


def machines_of(machines: Iterable[Machine]) -> dict[str, int]:
    """Return how many machines there are of each type in each zone, and what they are doing."""
    return dict(
        Counter(
            f"{one.kind or 'machine'} in {one.zone or 'an unknown zone'},"
            f" {'starting' if not one.container_instance else 'at work' if one.tasks else 'idle'}"
            for one in machines
            if one.alive
        )
    )


def lines_of(standing: Standing) -> Iterator[str]:
    """Yield the lines that show how a run stands."""
    how = {"with warnings": standing.with_warnings, "without outputs": standing.without_outputs}
    told = ", ".join(f"{count} {name}" for name, count in how.items() if count)
    done = f"{standing.app}: {standing.done} of {counted(standing.total, 'job')} done"
    yield done + (f" ({told})" if told else "")
    rest = {
        "running": standing.running,
        "waiting": standing.waiting,
        "failed and to be tried again": standing.to_be_tried,
        "given up": standing.given_up,
        "not submitted": standing.not_submitted,
    }
    yield "  " + ", ".join(f"{count} {name}" for name, count in rest.items())
    yield "Machines: " + ("; ".join(f"{n} {what}" for what, n in standing.machines.items()) or "none")
    if standing.spot_losses:
        yield f"Spot losses: {counted(standing.spot_losses, 'machine')} taken away; their jobs are run again"
    if standing.pace:
        yield f"Pace: about {standing.pace:.0f} jobs/h" + _range_of_time(standing.seconds_left)
    in_all = standing.expected
    more = f", ${in_all[0]:.2f} to ${in_all[1]:.2f} in all at this pace" if in_all else ""
    yield f"Cost: about ${standing.spent:.2f} so far{more}"
    if standing.unread:
        yield f"The jobs could not be checked: {standing.unread}"


def _range_of_time(seconds: tuple[float, float] | None) -> str:
    if seconds is None:
        return ""
    short, long = (str(timedelta(seconds=round(one))) for one in seconds)
    return f", {short} to {long} left"


def marks_of(jobs: Jobs) -> dict[str, Mark]:
    """Return the mark of each job that is neither running nor waiting."""
    marks = dict.fromkeys(jobs.done_ids, Mark.DONE)
    marks |= dict.fromkeys(jobs.failing - jobs.done_ids, Mark.FAILED)
    marks |= dict.fromkeys(jobs.to_check & jobs.done_ids, Mark.CHECK)
    return marks | dict.fromkeys(jobs.dead, Mark.GIVEN_UP)


def map_of(names: Mapping[str, str]) -> PlateMap | None:
    """Return the map of jobs by their names; None if they have no wells."""
    known = ((job, metadata_in(name)) for job, name in names.items())
    return PlateMap.of(
        (job, plate_of(metadata), place) for job, metadata in known if (place := place_of(metadata))
    )
