"""How a run ended: counted once, written into the bucket before anything is taken away.

A teardown that was killed, and another monitor, then know that the work is over and how.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.snapshot import Jobs, Snapshot
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import find_state
from worker.contract.state import Unreadable, number, text, texts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def counted(number: int, thing: str) -> str:
    """Return a number of things in words, as "1 attempt"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Verdict:
    """How a run ended, in counts. `unaccounted`: submitted jobs that are neither done nor dead.

    `warned`, `without_outputs`: how many of the jobs that are done are so with warnings, or left no output.
    `outdated`: jobs among those that are not done whose outputs are of an earlier run. `unread`: why the jobs
    could not be looked at, so that the counts say nothing. `details`: sentences on why the run ended, where
    `end` does not say it.
    """

    end: str
    done: int
    dead: int
    unaccounted: int
    failed_attempts: int
    dead_ids: tuple[str, ...] = ()
    unaccounted_ids: tuple[str, ...] = ()
    outdated: int = 0
    warned: int = 0
    without_outputs: int = 0
    unread: str = ""
    details: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything is to go; else jobs are left, and only what costs ends."""
        return not any(end.value == self.end and end.keeps_queue for end in End)

    @property
    def done_how(self) -> str:
        """What is to be said of jobs that are done, in brackets; '' where there is nothing."""
        said = [f"{self.warned} with warnings"] if self.warned else []
        said += [f"{self.without_outputs} without outputs"] if self.without_outputs else []
        return f" ({', '.join(said)})" if said else ""

    @property
    def all_done(self) -> bool:
        ran = self.end != End.NOTHING_RUNS.value
        return ran and not self.dead and not self.unaccounted and not self.unread


def verdict_of(end: End, seen: Snapshot) -> Verdict:
    """Return the verdict on a run that is over."""
    return Verdict(end=end.value, **counts_of(seen.jobs, seen.left), unread=seen.unread)


def counts_of(jobs: Jobs, left: int) -> dict[str, Any]:
    """Return a verdict's counts of the jobs. `left`: messages in the queue, where no job is known by name."""
    return {
        "done": jobs.done,
        "dead": jobs.gone_dead,
        "unaccounted": len(jobs.unaccounted) if jobs.submitted else left,
        "failed_attempts": jobs.failed_attempts,
        "dead_ids": tuple(sorted(jobs.dead)),
        "unaccounted_ids": tuple(sorted(jobs.unaccounted)),
        "outdated": len((jobs.dead | jobs.unaccounted) & jobs.outdated),
        "warned": jobs.warned,
        "without_outputs": jobs.without_outputs,
    }


def save_verdict(s3: S3Client, run: Run, verdict: Verdict) -> None:
    """Write the verdict down before anything is taken away."""
    body = json.dumps(asdict(verdict)).encode()
    s3.put_object(Bucket=run.bucket, Key=run.ending_key, Body=body, ContentType="application/json")


def read_verdict(s3: S3Client, run: Run) -> Verdict | None:
    """Return the verdict of a teardown that was begun, or None; what is no verdict says nothing."""
    return find_state(s3, run.bucket, run.ending_key, _verdict)


def _verdict(document: dict[str, Any]) -> Verdict:
    end = text(document, "end")
    if end not in {known.value for known in End}:
        raise Unreadable("its end is not a valid one")
    counts = {
        name: int(number(document, name)) for name in ("done", "dead", "unaccounted", "failed_attempts")
    }
    return Verdict(
        end=end,
        **counts,
        dead_ids=texts(document, "dead_ids"),
        unaccounted_ids=texts(document, "unaccounted_ids"),
        details=texts(document, "details"),
        outdated=int(number(document, "outdated", 0)),
        warned=int(number(document, "warned", 0)),
        without_outputs=int(number(document, "without_outputs", 0)),
        unread=text(document, "unread", ""),
    )
