"""The unfinished jobs at the end of a run, under the names that people know, each with its reason.

Standard library only, because the janitor's mail lists them too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from distributed_fiji.jobnames import called, name_in, printable
from distributed_fiji.monitor.result import Verdict
from distributed_fiji.state.jobstate import THREADS, JobState
from distributed_fiji.state.record import Run

GIVEN_UP, NOT_FINISHED = "given up", "not finished"

#: Characters of a reason that are shown; the record has all of it.
LONGEST_REASON = 2000

#: Jobs that are named at the end; if there are more, a file lists all of them.
NAMED = 5


@dataclass(frozen=True)
class NotDone:
    """An unfinished job. `what`: given up, or not finished. `reason`: of its last failed attempt."""

    job_id: str
    name: str
    what: str
    reason: str

    @property
    def line(self) -> str:
        """The job as a line in a list for people."""
        said = self.reason or "no reason was recorded"
        if self.what == NOT_FINISHED:
            said = f"not finished; its last attempt failed: {self.reason}" if self.reason else "not finished"
        return f"  {called(self.job_id, {self.job_id: self.name})}: {said}"


def find_not_done(run: Run, state: JobState, verdict: Verdict, most: int | None = None) -> list[NotDone]:
    """Return the jobs that were given up and those that did not finish, at most `most` of them."""
    given_up = [(job, GIVEN_UP) for job in verdict.dead_ids]
    jobs = (given_up + [(job, NOT_FINISHED) for job in verdict.unaccounted_ids])[:most]
    are_named = verdict.dead_ids or not verdict.dead
    records = state.failures({job for job, _ in jobs} if are_named else None)
    failures = {job: found[-1][0] for job, found in records.items() if found[-1][1] >= int(run.started)}
    if not are_named:
        jobs = ([(job, GIVEN_UP) for job in sorted(failures)] + jobs)[:most]
    return _described(state, jobs, failures)


def find_failing(run: Run, state: JobState, jobs: list[str]) -> list[NotDone]:
    """Return jobs that have failed and may be tried again, each with the reason of its last attempt."""
    if not jobs:
        return []
    failures = {job: records[-1][0] for job, records in state.failures(jobs).items()}
    return _described(state, [(job, GIVEN_UP) for job in jobs], failures)


def _described(state: JobState, jobs: list[tuple[str, str]], failures: dict[str, str]) -> list[NotDone]:
    """Return the jobs with name and reason. `failures`: the key of each job's last failure record."""
    with ThreadPoolExecutor(THREADS) as pool:
        read = pool.map(lambda job: state.read_failure(failures[job[0]]) if job[0] in failures else {}, jobs)
        records = {job: record for (job, _), record in zip(jobs, read, strict=True)}
    names = {job: name_in(str(record.get("message", ""))) for job, record in records.items()}
    names |= state.names(job for job, name in names.items() if not name)
    return [NotDone(job, names.get(job, ""), what, _reason(records[job])) for job, what in jobs]


def _reason(record: dict[str, Any]) -> str:
    """Return a failure record's sentence, with the script's line if it is known and not already in it."""
    sentence, line = record.get("sentence"), record.get("line")
    if not isinstance(sentence, str):
        return ""
    told = printable(sentence)[:LONGEST_REASON]
    where = f"line {line}"
    return f"{told} ({where} of the script)" if isinstance(line, int) and where not in told else told


def shown(jobs: list[NotDone], count: int) -> list[str]:
    """Return the lines that name jobs at the end. `count`: how many there are in all."""
    lines = [job.line for job in jobs[:NAMED]]
    return [*lines, f"  and {count - NAMED} more"] if count > NAMED else lines


def as_table(jobs: list[NotDone]) -> str:
    """Return all of them as a tab-separated table."""
    head = "job\tname\twhat\treason\n"
    return head + "".join(f"{job.job_id}\t{job.name}\t{job.what}\t{job.reason}\n" for job in jobs)
