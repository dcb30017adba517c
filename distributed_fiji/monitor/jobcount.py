"""Count a run's jobs from what is listed, object after object, with one byte of marks for each job.

Standard library only and no calls, because the terminal's loop and the janitor share it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from distributed_fiji.aws.deadletters import DeadLetter
from distributed_fiji.monitor.nothingruns import something_runs
from distributed_fiji.monitor.snapshot import Jobs, Snapshot, Unfinished
from distributed_fiji.state.jobids import ALL, JobSet, LastSubmitted

#: The marks of a submitted job, and of a job that no submission names. DONE: it has a manifest written since
#: it was submitted (or since the run started). OUTDATED: it has an older one. FAILED: a failure record since.
DONE, OUTDATED, FAILED, DEAD, WARNED, WITHOUT_OUTPUTS = (1 << bit for bit in range(6))


#: While work is plenty, jobs are counted so rarely that their listings cost little beside the machines: 1,000
#: jobs are a page, so a million are counted every five minutes, and up to 10,000 at each look.
SECONDS_A_PAGE = 0.3


def work_is_plenty(seen: Snapshot) -> bool:
    """Whether so many jobs wait that a count of them decides nothing: each task has one, and has worked.

    Whatever ends a run, shrinks its fleet or finds that nothing runs needs another state of the queue.
    """
    if seen.queue is None or not seen.desired:
        return False
    return seen.queue.visible > 0 and seen.left > seen.desired and something_runs(seen)


class JobCount:
    """The marks of all jobs. `started`: the run's, from which what no submission names is counted.

    Manifests, failure records, letters and markers may be entered in any order, each once. S3 gives times in
    whole seconds.
    """

    def __init__(self, submitted: LastSubmitted, started: float) -> None:
        self._submitted = submitted
        self._started = int(started)
        self._marks = bytearray(len(submitted.numbers))
        self._others: dict[str, int] = {}
        self._written = array("d")
        self._last_done = self._last_failed = 0.0
        self.failed_attempts = 0

    def add_manifest(self, job: str, written: float) -> None:
        """Enter a manifest. `written`: seconds since 1970."""
        place = self._submitted.find(job)
        if place is not None:
            is_new = written >= int(self._submitted.time_of(place))
            self._marks[place] |= DONE if is_new else OUTDATED
            if is_new:
                self._written.append(written)
        else:
            is_new = written >= self._started
            if is_new:
                self.add_mark(job, DONE)
        if is_new:
            self._last_done = max(self._last_done, written)

    def add_failure(self, job: str, written: float) -> None:
        """Enter a failure record. `written`: seconds since 1970."""
        place = self._submitted.find(job)
        since = self._started if place is None else int(self._submitted.time_of(place))
        if written >= since:
            self.failed_attempts += 1
            self._last_failed = max(self._last_failed, written)
            self.add_mark(job, FAILED)

    def add_letter(self, letter: DeadLetter, queue_created: float, slack: float) -> None:
        """Enter a dead letter, which counts if it was sent since the queue was created, and since its job was
        last submitted.

        `slack`: seconds by which the clock of the submissions may differ from that of SQS.
        """
        place = self._submitted.find(letter.job_id)
        if place is None:
            return
        if letter.sent >= max(queue_created, self._submitted.time_of(place) - slack):
            self._marks[place] |= DEAD

    def add_mark(self, job: str, mark: int) -> None:
        """Enter a mark that needs no time."""
        place = self._submitted.find(job)
        if place is not None:
            self._marks[place] |= mark
        else:
            self._others[job] = self._others.get(job, 0) | mark

    @property
    def missing(self) -> int:
        """How many submitted jobs have no manifest from this submission."""
        return len(self._marks) - len(self._jobs(_with(DONE), others=False))

    def counted(self, dead_letters: int | None, unfinished: Iterable[Unfinished]) -> Jobs:
        """Return the counts. `dead_letters`: None if as many as there are dead jobs."""
        is_done, is_dead = _with(DONE), _with(DEAD, without=DONE)
        dead = self._jobs(is_dead, others=False)
        warned, empty = self._jobs(_with(DONE | WARNED)), self._jobs(_with(DONE | WITHOUT_OUTPUTS))
        return Jobs(
            submitted=self._jobs(ALL, others=False),
            done_ids=self._jobs(is_done, others=False),
            dead=dead,
            others=sum(bool(mark & DONE) for mark in self._others.values()),
            dead_letters=len(dead) if dead_letters is None else dead_letters,
            failed_attempts=self.failed_attempts,
            outdated=self._jobs(_with(OUTDATED, without=DONE), others=False),
            failing=self._jobs(_with(FAILED, without=DONE)),
            warned=len(warned),
            without_outputs=len(empty),
            to_check=warned | empty,
            unfinished=tuple(unfinished),
            written=self._written,
            last_done=self._last_done,
            last_failed=self._last_failed,
        )

    def _jobs(self, wanted: bytes, *, others: bool = True) -> JobSet:
        found = frozenset(job for job, mark in self._others.items() if others and wanted[mark])
        return JobSet(self._submitted.numbers, self._marks, wanted, found)


def _with(marks: int, without: int = 0) -> bytes:
    """Return which of the 256 combinations have all of some marks, and none of others."""
    return bytes(mark & marks == marks and not mark & without for mark in range(256))
