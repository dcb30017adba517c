"""`status`: show how a run stands, once or repeatedly, without changing anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.aws.queues import counts_in, queue_attributes
from distributed_fiji.clock import Clock
from distributed_fiji.errors import JOBS_FAILED
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import Verdict, read_verdict
from distributed_fiji.monitor.snapshot import Snapshot
from distributed_fiji.review.jobstates import read_jobs
from distributed_fiji.review.platemap import Mark, PlateMap
from distributed_fiji.review.standing import Standing, lines_of, map_of, marks_of, standing_of
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run
from distributed_fiji.terminal import Terminal

#: Seconds between two looks.
EVERY = 10.0

#: With more jobs than this, no map is shown, since each job's name would have to be read.
MOST_JOBS = 200_000


@dataclass(frozen=True)
class Seen:
    """One look: numbers, the map and its marks, and how the run ended, '' if it has not."""

    standing: Standing
    map: PlateMap | None
    marks: dict[str, Mark]
    over: str

    @property
    def exit_code(self) -> int:
        return 0 if self.standing.all_done else JOBS_FAILED


class Looker:
    """Looks at a run, and reads the jobs' names again only if there are new jobs."""

    def __init__(self, run: Run, clients: Clients) -> None:
        self._run, self._clients = run, clients
        self._observer = Observer(run, clients)
        self._maps = Maps(JobState(run, clients.s3))

    def look(self, now: float) -> Seen:
        """Return how the run stands. Raises AwsError."""
        verdict = read_verdict(self._clients.s3, self._run)
        alive = self._run.fleet_id and not verdict
        seen = self._observer.observe(now) if alive else self._without_fleet(now, verdict)
        standing = standing_of(self._run.app_name, seen, self._run.started)
        plates = self._maps.of(seen)
        marks = marks_of(seen.jobs) if plates else {}
        return Seen(standing, plates, marks, verdict.end if verdict else "")

    def _without_fleet(self, now: float, verdict: Verdict | None) -> Snapshot:
        """Return what can be seen of a run that has not started yet, or is over."""
        attributes = queue_attributes(self._clients.sqs, self._run.queue_name)
        return Snapshot(
            now=now,
            jobs=read_jobs(self._observer, verdict),
            queue=counts_in(attributes) if attributes else None,
            fleet_state="",
            target_capacity=0,
            spent=self._observer.meter.read((), now) if self._run.fleet_id else 0.0,
        )


class Maps:
    """The plate map of a run's jobs, rebuilt after each submission."""

    def __init__(self, state: JobState) -> None:
        self._state = state
        self._jobs: Set[str] = frozenset()
        self._map: PlateMap | None = None

    def of(self, seen: Snapshot) -> PlateMap | None:
        """Return the map; None if the jobs have no wells, or there are too many."""
        jobs = seen.jobs.submitted
        if len(jobs) > MOST_JOBS:
            return None
        if jobs != self._jobs:
            self._jobs, self._map = jobs, map_of(self._state.names(jobs))
        return self._map


def drawn(plates: PlateMap, marks: dict[str, Mark], console: Console) -> Text:
    """Return a map in the form that a console shows."""
    ascii_only = not (console.encoding or "").lower().startswith("utf")
    width = console.width if console.is_terminal else 80
    lines = plates.lines(marks, width, ascii_only=ascii_only)
    return Text("\n").join(Text.assemble(*line) for line in lines)


def plate_maps(run: Run, clients: Clients, console: Console) -> Callable[[Snapshot], Text | None]:
    """Return a function that draws the map of a look, for the monitor's view; None if names are not read."""
    maps = Maps(JobState(run, clients.s3))

    def draw(seen: Snapshot) -> Text | None:
        try:
            plates = maps.of(seen)
        except AwsError:
            return None
        return drawn(plates, marks_of(seen.jobs), console) if plates else None

    return draw


def show(seen: Seen, terminal: Terminal) -> None:
    """Print one look."""
    for line in lines_of(seen.standing):
        terminal.say(line)
    if seen.over:
        terminal.say(f"The run is over: {seen.over}")
    if seen.map:
        terminal.out.print(drawn(seen.map, seen.marks, terminal.out))


def as_json(seen: Seen) -> str:
    """Return one look for a program."""
    return json.dumps(seen.standing.document() | {"over": seen.over}, indent=2, ensure_ascii=False)


def wait(looker: Looker, clock: Clock, tell: Callable[[Seen], None]) -> Seen:
    """Look until no job can still become done, or the run is over; return the last look."""
    while True:
        seen = looker.look(clock.now())
        tell(seen)
        if seen.over or (not seen.standing.left and not seen.standing.unread):
            return seen
        clock.sleep(EVERY)
