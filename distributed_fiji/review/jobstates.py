"""The state of each job of a run, from the bucket and the dead letters, and its name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.queues import queue_attributes
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import Verdict, read_verdict
from distributed_fiji.monitor.snapshot import Jobs
from distributed_fiji.state.record import Run

#: A pair in a job's name, as worker.contract.jobs.job_name writes it.
PAIR = re.compile(r'([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\[.*?\](?= |\Z)|\S*)', re.ASCII)


@dataclass(frozen=True)
class JobStates:
    """Jobs by their ids. `done`, `dead` and the rest of `submitted` together are everything submitted.

    `failures`: key of the last failure record of each job that is not done. If nobody has submitted jobs by
    name, `submitted` has those that left something. `over`: the run has been taken down, or is about to be.
    """

    submitted: Set[str]
    done: Set[str]
    dead: Set[str]
    failures: Mapping[str, str]
    names: Mapping[str, str]
    over: bool = False

    @property
    def unfinished(self) -> Set[str]:
        """Jobs that may still become done."""
        return self.submitted - self.done - self.dead


def read_states(run: Run, clients: Clients, *, names: bool = True) -> JobStates:
    """Return the state of every job. Raises AwsError."""
    observer, verdict = Observer(run, clients), read_verdict(clients.s3, run)
    jobs = read_jobs(observer, verdict)
    dead, done = jobs.dead, jobs.done_ids
    if not jobs.submitted:
        done = {job for job, time in observer.state.manifests() if time >= int(run.started)}
    wanted = observer.state.failures(jobs.failing | dead)
    failures = {job: records[-1][0] for job, records in wanted.items()}
    submitted = jobs.submitted or done | failures.keys()
    return JobStates(
        submitted=submitted,
        done=done,
        dead=dead,
        failures=failures,
        names=observer.state.names(submitted) if names else {},
        over=verdict is not None,
    )


def read_jobs(observer: Observer, verdict: Verdict | None) -> Jobs:
    """Return what became of a run's jobs, even if its queue is gone and they continue in a new one."""
    run = observer.run
    attributes = queue_attributes(observer.clients.sqs, run.queue_name)
    jobs = now = observer.read_jobs(attributes)
    if attributes and run.queue_created and attributes["CreatedTimestamp"] != run.queue_created:
        jobs = _both(observer.read_jobs(None), now)
    if verdict and verdict.whole:
        # If their dead letters are gone as well, the verdict still knows them.
        again = now.submitted if attributes else frozenset()
        known = (jobs.failing & set(verdict.dead_ids)) - jobs.done_ids - again
        jobs = replace(jobs, dead=jobs.dead | known)
    return jobs


def _both(before: Jobs, now: Jobs) -> Jobs:
    """Return the jobs of two lifetimes of a queue. For a job in both, the later one counts."""
    again = now.submitted
    return Jobs(
        submitted=before.submitted | again,
        done_ids=(before.done_ids - again) | now.done_ids,
        dead=(before.dead - again) | now.dead,
        failing=(before.failing - again) | (now.failing & again),
        failed_attempts=before.failed_attempts,
        warned=before.warned,
        without_outputs=before.without_outputs,
        outdated=(before.outdated - again) | now.outdated,
        to_check=before.to_check | now.to_check,
        written=now.written,
        last_done=max(before.last_done, now.last_done),
        last_failed=max(before.last_failed, now.last_failed),
        unfinished=now.unfinished,
    )


def metadata_in(name: str) -> dict[str, Any]:
    """Return the metadata in a job's name, without values that were too long and were cut there."""
    found: dict[str, Any] = {}
    for key, value in PAIR.findall(name):
        try:
            plain = json.loads(value) if value[:1] in ('"', "[") else value
        except ValueError:
            continue
        if not (isinstance(plain, str) and (plain.startswith("…") or plain.endswith("…"))):
            found[key] = plain
    return found
