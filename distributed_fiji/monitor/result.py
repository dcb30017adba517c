"""How a run ended. The verdict is reached once and written to the bucket before anything is removed.

If the teardown is killed, another monitor reads it and knows that the work is over and how it ended.
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
    """Return a number with its noun, such as "1 attempt" or "2 attempts"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Verdict:
    """How a run ended, in counts.

    `unaccounted`: submitted jobs that are neither done nor dead letters. `warned`, `without_outputs`: how
    many of the finished jobs have warnings, or have no outputs. `outdated`: unfinished jobs whose outputs are
    from an earlier run. `unread`: why the jobs could not be read; the counts then mean nothing. `details`:
    sentences that explain why the run ended, where `end` does not.
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
        """Whether everything is to be removed. If not, jobs remain, and only what costs money ends."""
        return not any(end.value == self.end and end.keeps_queue for end in End)

    @property
    def done_how(self) -> str:
        """What to add in brackets after the number of finished jobs; '' if nothing."""
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
    """Return the verdict of a teardown that has begun, or None. An unreadable verdict counts as none."""
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
