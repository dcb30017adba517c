"""Time as an argument, so that tests can step through loops."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What loops need of time: seconds since 1970, and a pause in seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class HurriedClock:
    """A clock for dry runs: waiting takes no time, but counts as if it did."""

    def __init__(self) -> None:
        self._waited = 0.0

    def now(self) -> float:
        return time.time() + self._waited

    def sleep(self, seconds: float) -> None:
        self._waited += seconds
