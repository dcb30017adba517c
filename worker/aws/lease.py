"""The lease of one message: a thread extends its visibility, and knows when the lease counts as lost.

A lease is lost when SQS says so, or when no heartbeat has succeeded for two beats' time. The visibility is at
least three beats, so a job that has lost its lease stops before another worker can get its message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from worker.aws.queue import Message, Queue
from worker.calls import CALL_ERRORS
from worker.errors import LeaseLost

log = logging.getLogger(__name__)


class Lease:
    """Keeps one message hidden until `end`. All methods may be called from any thread."""

    def __init__(
        self,
        queue: Queue,
        message: Message,
        beat_seconds: float,
        *,
        received_at: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`received_at`: the clock's time just before the message was requested."""
        self.message = message
        self._queue = queue
        self._beat_seconds = beat_seconds
        self._clock = clock
        self._renewed_at = received_at
        self._refused = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_over, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether another worker has the message, or could have it soon."""
        return self._refused or self._clock() - self._renewed_at > 2 * self._beat_seconds

    def check(self) -> None:
        """Raise LeaseLost if the job must stop. Cheap, since every loop of a job calls it."""
        if not self._over.is_set() and self.lost:
            raise LeaseLost

    def end(self) -> None:
        """Stop the heartbeats. One in flight is waited for, so that none arrives after a release."""
        self._over.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2)

    def _beat_until_over(self) -> None:
        pause = self._beat_seconds
        while not self._over.wait(pause) and not self._refused:
            landed = self._beat()
            # Retry a failed beat sooner, since a lease survives only two beats' time.
            pause = self._beat_seconds if landed else self._beat_seconds / 4

    def _beat(self) -> bool:
        started_at = self._clock()
        try:
            self._refused = not self._queue.extend(self.message)
        except CALL_ERRORS as error:
            log.warning("a heartbeat failed: %s", error)
            return False
        if not self._refused:
            # SQS counts from when it received the call, which is not before it was sent.
            self._renewed_at = started_at
        return not self._refused
