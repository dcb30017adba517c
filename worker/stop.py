"""Whether and why this worker has been asked to stop, and how long it may still take.

Signal handlers and the spot watcher only call `request`; the worker's loop decides what follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: How often a sleeping loop checks whether it must stop. Plain attributes and polling are used, since an
#: Event or lock taken by a signal handler can deadlock with the main thread that holds it.
LOOK_SECONDS = 0.1


class Stop:
    """A request to stop. Of several requests, the earliest deadline counts, and the first reason."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = float("inf")
        self.reason = ""
        self.requested = False

    def request(self, reason: str, grace_seconds: float) -> None:
        """Ask to stop: no new job starts, and a running one has `grace_seconds` to finish."""
        self._deadline = min(self._deadline, self._clock() + grace_seconds)
        self.reason = self.reason or reason
        self.requested = True

    @property
    def expired(self) -> bool:
        """Whether the time to finish is over."""
        return self.requested and self._clock() >= self._deadline

    def overdue(self, seconds: float) -> bool:
        """Whether the time to finish has been over for this long."""
        return self.requested and self._clock() >= self._deadline + seconds

    def seconds_left(self) -> float:
        """Return the seconds until the deadline: at least 0, infinite if there is no request."""
        return max(0.0, self._deadline - self._clock())

    def wait(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Sleep, but hardly longer than until a request comes; return whether there is one."""
        until = self._clock() + seconds
        while not self.requested and (left := until - self._clock()) > 0:
            sleep(min(LOOK_SECONDS, left))
        return self.requested
