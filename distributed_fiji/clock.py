"""Time as an argument, so that loops can be stepped in tests."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What loops ask of time: seconds since 1970, and a pause of seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class HurriedClock:
    """A clock for dry runs: waiting takes no time, but counts as if it had."""

    def __init__(self) -> None:
        self._waited = 0.0

    def now(self) -> float:
        return time.time() + self._waited

    def sleep(self, seconds: float) -> None:
        self._waited += seconds
