"""A message that this worker holds, with everything known about its job."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from worker.aws.lease import Lease
from worker.aws.queue import Message
from worker.contract.jobs import Job, job_name
from worker.errors import Interrupted
from worker.job.bundle import Bundle
from worker.records.validity import Manifest
from worker.storage.inputs import Inputs

#: Number of an earlier run's outputs named in a job's line; the manifest has all of them.
SHOWN = 3


@dataclass
class HeldJob:
    """One receive of one job. A message that is not a job has a `job_id` too, so that it can be recorded."""

    message: Message
    lease: Lease
    #: The message that this job came in with others; `message` is then as it would be alone.
    bundle: Bundle | None = None
    job_id: str = ""
    job: Job | None = None
    inputs: Inputs | None = None
    #: ETag of the manifest that existed when the job was taken, and is no longer valid.
    old_manifest: str | None = None
    #: The run that wrote it.
    old_run: str | None = None
    #: Its content, if readable.
    before: Manifest | None = None
    #: What makes it invalid, as a phrase; '' if nothing.
    runs_again: str = ""
    #: What went wrong in the run without failing it: text and line, as the runner reported.
    warnings: list[dict[str, Any]] = field(default_factory=list)
    #: What the script asked, and how it was answered, as the runner reported.
    questions: list[dict[str, Any]] = field(default_factory=list)
    #: What FIJI printed, in lines, if it is small enough to be part of the manifest.
    console: list[str] | None = None
    #: Outputs that do not count, by name, and why.
    faults: dict[str, str] = field(default_factory=dict)
    #: Outputs of earlier runs, by key, that still exist and that this run does not write.
    left_from_before: tuple[str, ...] = ()
    #: Files that the script wrote outside of `output/`, and that were not kept.
    left_elsewhere: tuple[str, ...] = ()
    whole_memory: bool = False
    given_up: bool = False
    #: How often the job has failed before, according to its records.
    failures: int = 0
    #: Seconds per phase, in the order in which they began.
    seconds: dict[str, float] = field(default_factory=dict)
    #: A worker recognizes its own manifest by this, if the answer to its write was lost.
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    #: When its message was received.
    taken_at: float = field(default_factory=time.monotonic)
    #: Set when the message has been settled.
    settled: threading.Event = field(default_factory=threading.Event)
    _abandoned: bool = False
    _claimed: bool = False
    _is_being_settled: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.message.body.encode("utf-8", "surrogatepass")).hexdigest()
        self.job_id = self.job_id or f"rejected-{digest[:16]}"

    @property
    def name(self) -> str:
        """The name by which people know the job: its metadata, followed by its ID."""
        return f"{job_name(self.job.metadata)} ({self.job_id})" if self.job else self.job_id

    @property
    def notes(self) -> tuple[str, ...]:
        """What the job's line says besides its outcome."""
        notes = [f"runs again: {self.runs_again}"] if self.runs_again else []
        if left := self.left_from_before:
            notes.append(f"left from an earlier run, and not written again: {shortened(left)}")
        if self.left_elsewhere:
            notes.append(f"also written, but not kept: {shortened(self.left_elsewhere)}")
        return tuple(notes)

    @property
    def attempt(self) -> int:
        return self.message.attempt

    def abandon(self) -> None:
        """Make every later `check` raise Interrupted: the job must stop now, wherever it is."""
        self._abandoned = True

    def check(self) -> None:
        """Raise LeaseLost or Interrupted if the job must stop. Cheap, since every loop of a job calls it."""
        if self._abandoned:
            raise Interrupted
        self.lease.check()

    def claim(self) -> bool:
        """Return True to the first caller only: a job taken ahead is either run or given back."""
        with self._lock:
            first, self._claimed = not self._claimed, True
            return first

    def settle_once(self) -> bool:
        """Return True to the first caller only: a message is deleted or given back once."""
        with self._lock:
            first, self._is_being_settled = not self._is_being_settled, True
            return first

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the duration of the block to a phase."""
        started_at = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.monotonic() - started_at, 3)


def shortened(names: tuple[str, ...]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
