"""How a run ended: counted once, written into the bucket before anything is taken away.

A teardown that was killed, and another monitor, then know that the work is over and how.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from distributed_fiji.plans import End
from distributed_fiji.runfacts import RunFacts
from distributed_fiji.snapshot import Snapshot


@dataclass(frozen=True)
class Verdict:
    """How a run ended, in counts. `unaccounted`: submitted jobs of which nothing is known."""

    end: str
    done: int
    dead: int
    unaccounted: int
    failed_attempts: int
    dead_ids: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything is to go; else jobs are left, and only what costs ends."""
        return not any(end.value == self.end and end.keeps_queue for end in End)

    @property
    def all_done(self) -> bool:
        return not self.dead and not self.unaccounted


def verdict_of(end: End, seen: Snapshot) -> Verdict:
    """Return the verdict on a run that is over."""
    jobs = seen.jobs
    return Verdict(
        end=end.value,
        done=jobs.done,
        dead=jobs.gone_dead,
        unaccounted=len(jobs.unaccounted) if jobs.submitted else seen.left,
        failed_attempts=jobs.failed_attempts,
        dead_ids=tuple(sorted(jobs.dead)),
    )


def save_verdict(s3: Any, run: RunFacts, verdict: Verdict) -> None:
    """Write the verdict down before anything is taken away."""
    body = json.dumps(asdict(verdict)).encode()
    s3.put_object(Bucket=run.bucket, Key=run.ending_key, Body=body, ContentType="application/json")


def read_verdict(s3: Any, run: RunFacts) -> Verdict | None:
    """Return the verdict of a teardown that was begun, or None."""
    try:
        body = s3.get_object(Bucket=run.bucket, Key=run.ending_key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    document = json.loads(body)
    return Verdict(**{**document, "dead_ids": tuple(document["dead_ids"])})
