"""Limit calls to the rate that AWS allows, so that none is throttled. Any thread may call it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any


class Pace:
    """Lets `calls` start in any `seconds`. It handles botocore's `before-send`, so retries count too."""

    def __init__(
        self,
        calls: int,
        seconds: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._sleep = sleep
        self._begun: deque[float] = deque(maxlen=calls)
        self._lock = threading.Lock()

    def __call__(self, **_: Any) -> None:
        """Wait until a call may start."""
        with self._lock:
            if len(self._begun) == self._begun.maxlen:
                wait = self._begun[0] + self._seconds - self._now()
                if wait > 0:
                    self._sleep(wait)
            self._begun.append(self._now())
