"""A message with several jobs, from its first job to its last.

Each job passes through the lanes as if it had come alone, and none can take another with it: one that fails,
or that this worker cannot finish, is sent on as a message of its own, with the number of its attempts. The
message is deleted when each job is done or has been sent on. Where that fails, it comes back and is taken
apart, so a job may be in the queue twice, as SQS may deliver any message twice.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from worker.aws.lease import Lease
from worker.aws.queue import Message, Queue
from worker.contract.jobs import Outcome
from worker.job.attempts import Fate, Settlement
from worker.storage import s3 as store

Check = Callable[[], None]


class Bundle:
    """The jobs of one message, and the lease that they share. All methods may be called from any thread.

    `taken_at`: when the message was received, by the clock of the lease.
    """

    def __init__(
        self, queue: Queue, message: Message, lease: Lease, bodies: Sequence[str], taken_at: float
    ) -> None:
        self.lease = lease
        self.taken_at = taken_at
        self._queue = queue
        self._message = message
        self._waiting = deque(bodies)
        #: Jobs that were taken and are not settled yet.
        self._open = 0
        self._is_whole, self._is_lost = True, False
        self._lock = threading.Lock()

    @property
    def has_more(self) -> bool:
        """Whether jobs are left to take."""
        return bool(self._waiting)

    def take(self) -> Message | None:
        """Return the next job, as the message that it would be alone; None if none is left."""
        with self._lock:
            if not self._waiting:
                return None
            self._open += 1
            return replace(self._message, body=self._waiting.popleft())

    def settle(self, body: str, outcome: Outcome, what: Settlement, check: Check) -> None:
        """Settle a job that was taken, and the message after its last one.

        A job that is interrupted, with all that have not been taken, could run elsewhere. With a lost lease,
        the message is another worker's.
        """
        alone = self._leaving(body, outcome, what)
        is_sent = False
        try:
            is_sent = not alone or store.retried(
                lambda: self._queue.send_on(self._message, alone, what.delay_seconds), check
            )
        finally:
            with self._lock:
                self._is_whole &= is_sent
                self._open -= 1
                is_last = not (self._open or self._waiting)
            if is_last:
                self._end(check)

    def _leaving(self, body: str, outcome: Outcome, what: Settlement) -> list[str]:
        """Return which jobs are to be sent on alone."""
        with self._lock:
            rest: list[str] = []
            if what.fate is Fate.NOTHING or outcome is Outcome.INTERRUPTED:
                rest = list(self._waiting)
                self._waiting.clear()
            self._is_lost |= what.fate is Fate.NOTHING
            return [body, *rest] if what.fate is Fate.RELEASE else []

    def _end(self, check: Check) -> None:
        self.lease.end()
        if not self._is_lost:
            settle = self._queue.delete if self._is_whole else self._queue.release
            store.retried(lambda: settle(self._message), check)
