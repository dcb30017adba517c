"""`failures`: why jobs failed, one group per cause with what its jobs share, what helps, what to run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from distributed_fiji.aws.clients import Clients
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobnames import called, printable
from distributed_fiji.monitor.result import counted
from distributed_fiji.review.facts import Facts, FailedJob
from distributed_fiji.review.groups import Group, find_group, grouped, rows_of
from distributed_fiji.review.jobstates import JobStates, metadata_in, read_states
from distributed_fiji.review.parallel import Read
from distributed_fiji.review.traits import Known, known_of
from distributed_fiji.state.record import Run
from worker.contract.jobs import FailureClass, job_name

#: How many manifests of done jobs are read for the sizes of their inputs. Their ids are random.
SAMPLE = 1000
#: How many jobs of a group are named.
NAMED = 3
#: How many characters of a sentence are shown.
LONGEST = 600


@dataclass(frozen=True)
class Failures:
    """The failed jobs of a run: the last failure of each, and their groups."""

    states: JobStates
    by_job: dict[str, FailedJob]
    groups: list[Group]

    def group(self, wanted: str) -> Group:
        """Return a group by number or key. Raises InvalidInput."""
        found = find_group(self.groups, wanted)
        if found is None:
            known = ", ".join(group.key for group in self.groups) or "none: no job has failed"
            raise InvalidInput(f"There is no group {wanted}", [f"`failures` lists the groups; now {known}"])
        return found


def read_failures(run: Run, clients: Clients, read: Read) -> Failures:
    """Return the failures of the jobs that are not done, in groups."""
    states, facts = read_states(run, clients), Facts(run, read, clients.s3)
    by_job = {one.job_id: one for one in facts.failed(states.failures.values())}
    others = list(_others(states, facts, by_job)) if by_job else []
    return Failures(states, by_job, grouped(by_job.values(), others, states.dead))


def _others(states: JobStates, facts: Facts, failed: dict[str, FailedJob]) -> Iterator[Known]:
    """Yield what is known about jobs that have not failed, including some of their inputs' sizes."""
    seen = set()
    for one in facts.done(frozenset(islice(sorted(states.done), SAMPLE))):
        seen.add(one.job_id)
        yield known_of(one.metadata, one.input_bytes, one.machine)
    for job in states.submitted - seen - failed.keys():
        yield known_of(metadata_in(states.names.get(job, "")))


def lines_of(found: Failures) -> Iterator[str]:
    """Yield the lines about failures: the largest group first, lost machines last."""
    if not found.groups:
        yield "No job has failed."
        return
    total, dead = len(found.by_job), sum(group.given_up for group in found.groups)
    tried = f"{dead} given up, {total - dead} to be tried again"
    yield f"{counted(total, 'job')} failed ({tried}), by {counted(len(found.groups), 'cause')}:"
    for number, group in enumerate(found.groups, 1):
        yield ""
        yield from _about(number, group, found)


def _about(number: int, group: Group, found: Failures) -> Iterator[str]:
    one, count = group.example, len(group.jobs)
    what = (one.failure or "failed") + (f", line {one.line}" if one.line else "")
    when = f"first {_time(group.first)}, last {_time(group.last)}"
    yield f"{number}  [{group.key}]  {counted(count, 'job')}, {group.share:.0%}: {what} ({when})"
    yield f"   {printable(one.sentence)[:LONGEST]}"
    if group.traits:
        yield f"   All {count}: {group.traits}"
    named = ", ".join(called(job, {job: _name(job, found)}) for job in group.jobs[:NAMED])
    yield f"   {named}{f' and {count - NAMED} more' if count > NAMED else ''}"
    yield from (f"   | {line}" for line in group.excerpt)
    if group.cure:
        yield f"   What helps: {group.cure}"
    yield f"   Then: python run.py retry --group {group.key}{more_memory(group)}"


def more_memory(group: Group) -> str:
    """Return the option for a group's command, '' for most."""
    return " --memory MB" if group.example.failure == FailureClass.OUT_OF_MEMORY.value else ""


def _name(job: str, found: Failures) -> str:
    return found.states.names.get(job) or job_name(found.by_job[job].metadata)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def as_json(found: Failures) -> str:
    """Return all groups for a program."""
    return json.dumps([group.document() for group in found.groups], indent=2, ensure_ascii=False)


def as_csv(found: Failures) -> str:
    """Return a table with a row for each failed job."""
    rows = list(rows_of(found.groups, found.by_job))
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, names or ["Group", "Job"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
