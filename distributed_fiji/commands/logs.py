"""`logs`: what FIJI printed for a job: from the bucket once it has ended, from CloudWatch while it runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.clock import Clock
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobnames import called
from distributed_fiji.review.consoles import Consoles
from distributed_fiji.review.groups import ERROR
from distributed_fiji.review.jobstates import JobStates
from distributed_fiji.review.parallel import Read, in_parallel
from distributed_fiji.state.record import Run
from worker.contract.jobs import read_log_line

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

JOB = re.compile(r"(?:rejected-)?[0-9a-f]{16}\Z")

#: Lines shown before and after one with an error, enough for Java's traces.
BEFORE, BEHIND = 2, 6

#: Seconds between two looks at a running job, and milliseconds by which a line may arrive late.
EVERY, LATE = 2.0, 60_000

#: Milliseconds by which this machine's clock may differ from the workers': AWS refuses requests that are
#: signed at another time (S3 API reference, RequestTimeTooSkewed).
CLOCKS_DIFFER = 15 * 60_000

NONE: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True)
class Line:
    """A line in CloudWatch. `time`: ms since 1970."""

    time: int
    message: str

    @property
    def text(self) -> str:
        return f"{datetime.fromtimestamp(self.time / 1000, timezone.utc):%H:%M:%S} {self.message}"


class Logs:
    """The consoles of one run's jobs."""

    def __init__(self, run: Run, clients: Clients, read: Read) -> None:
        self._run, self._clients = run, clients
        self._consoles = Consoles(run, clients.s3, read)

    def lines(self, job: str, attempt: int | None = None) -> Iterator[str]:
        """Yield the lines of a job's attempt, by default the last one. Raises InvalidInput."""
        stored = self._consoles.list_attempts(job)
        kept = [one.attempt for one in stored]
        for one in reversed(stored):
            if attempt in (None, one.attempt):
                yield from self._consoles.read_lines(job, one)
                return
        lines = [line.text for line in self._streamed(job, attempt, int(self._run.started * 1000))]
        if not lines:
            raise InvalidInput(f"Job {job} has no log", [self._why_none(kept, attempt)])
        yield from lines

    def _why_none(self, kept: list[int], attempt: int | None) -> str:
        if attempt is not None and kept:
            return f"--attempt {attempt}: the bucket has {', '.join(map(str, sorted(kept)))}"
        return "it has not run yet, or it ended before FIJI started: `failures` has the reason"

    def follow(self, job: str, attempt: int | None, clock: Clock) -> Iterator[str]:
        """Yield a running job's lines as they arrive, until it has ended and its whole console is stored.

        Raises InvalidInput if the run's workers have no log group.
        """
        if not self._run.log_group:
            raise InvalidInput("A running job cannot be followed", ["LOG_GROUP_NAME is empty"])
        stored, start = self._consoles.list_attempts(job), int(self._run.started * 1000)
        for one in stored:
            if one.attempt == attempt:
                yield from self._consoles.read_lines(job, one)
                return
        # A job that was submitted again counts its attempts from 1 again.
        before = {one.attempt: one.time for one in stored}
        told: Counter[Line] = Counter()
        while True:
            looked_at = int(clock.now() * 1000)
            ended = self._consoles.list_attempts(job) != stored
            came: Counter[Line] = Counter()
            for line in self._streamed(job, attempt, start, before):
                came[line] += 1
                if came[line] > told[line]:
                    yield line.text
            told |= came
            start = max([start, looked_at - CLOCKS_DIFFER, *(line.time - LATE for line in came)])
            if ended:
                return
            clock.sleep(EVERY)

    def grep(self, jobs: Iterable[str], text: str, states: JobStates) -> Iterator[str]:
        """Yield the lines with a text in jobs' last consoles, each after its job's name."""

        def search(job: str) -> tuple[str, list[str]]:
            kept = self._consoles.list_attempts(job)[-1:]
            return job, [line for one in kept for line in self._consoles.read_lines(job, one) if text in line]

        for job, lines in in_parallel(search, jobs):
            yield from (f"{called(job, states.names)}: {line}" for line in lines)

    def _streamed(
        self, job: str, attempt: int | None, start: int, ended: Mapping[int, float] = NONE
    ) -> Iterator[Line]:
        """Yield what a job has written to CloudWatch since a time (ms).

        `ended`: attempts whose lines are not wanted, and when each ended (s, of which S3 cuts off fractions).
        """
        for time, line in self._written(job, start):
            found = read_log_line(line, job)
            if found and attempt in (None, found[0]) and time > 1000 * (ended.get(found[0], -1) + 1):
                yield Line(time, found[1])

    def _written(self, job: str, start: int) -> Iterator[tuple[int, str]]:
        """Yield times and lines that may be a job's, as workers write them.

        Workers of earlier versions gave each attempt a stream, whose name is what its lines lack. CloudWatch
        matches terms anywhere in a line, and wants quotes around those that are not only letters and digits
        (CloudWatch Logs user guide, "Filter pattern syntax").
        """
        if not self._run.log_group:
            return
        any_line = False
        for event in self._events(start, filterPattern=f'"{job}"'):
            any_line = True
            yield event["timestamp"], event["message"]
        if not any_line:
            for event in self._events(start, logStreamNamePrefix=f"{job}/"):
                yield event["timestamp"], f"{event['logStreamName']} {event['message']}"

    def _events(self, start: int, **which: str) -> Iterator[Any]:
        return _events(self._clients.logs, logGroupName=self._run.log_group, startTime=start, **which)


def _events(logs: CloudWatchLogsClient, **which: Any) -> Iterator[Any]:
    try:
        yield from pages(logs, "filter_log_events", "events", **which)
    except logs.exceptions.ResourceNotFoundException:
        return


def errors_in(lines: list[str]) -> Iterator[str]:
    """Yield the lines with errors, and some around them; `…` stands for omitted lines."""
    near = {
        number
        for place, line in enumerate(lines)
        if ERROR.search(line)
        for number in range(place - BEFORE, place + BEHIND + 1)
    }
    before = -1
    for number in sorted(near & set(range(len(lines)))):
        if number > before + 1:
            yield "…"
        before = number
        yield lines[number]


def job_meant(job: str | None, wells: list[str], well: str | None) -> str:
    """Return the one job that is meant, by its id or by its well. Raises InvalidInput."""
    if job and not JOB.match(job):
        raise InvalidInput(
            f"Job {job} has no log", ["an ID has 16 digits, 0-9 and a-f, as `failures` names it"]
        )
    if job:
        return job
    if len(wells) == 1:
        return wells[0]
    found = f"{len(wells)} jobs: {', '.join(wells[:5])}; give one's ID" if wells else "no job has this well"
    raise InvalidInput("One job's log can be shown", [f"--well {well}: {found}"])
