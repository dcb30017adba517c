"""Processor time and bytes used by processes, and whether that is work or the noise of waiting.

Read from /proc; without it, nothing is known (proc(5): stat, io). A Java process waiting for a dialog, also
under Xvfb, was measured at 0.1 % of a processor and 0 KB/s, with bursts of at most 0.3 s and 1.3 MB in 30 s.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: The share of one processor, and the bytes per second, from which processes count as working.
WORKING_SHARE = 0.05
WORKING_BYTES = 100_000

#: The shortest and longest time between two looks. Within these, it is a twentieth of the allowed idle time.
LEAST_SECONDS, MOST_SECONDS = 0.5, 60.0


@dataclass(frozen=True)
class Usage:
    """Processor seconds used, and bytes read and written by any means, including files and pipes."""

    cpu_seconds: float = 0.0
    read_bytes: int = 0
    written_bytes: int = 0

    def __str__(self) -> str:
        megabytes = (self.read_bytes / 1e6, self.written_bytes / 1e6)
        read, written = (f"{size:.1f}" if size < 10 else f"{size:.0f}" for size in megabytes)
        return f"{self.cpu_seconds:.1f} s of processor time, read {read} MB and written {written} MB"

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_seconds + other.cpu_seconds,
            self.read_bytes + other.read_bytes,
            self.written_bytes + other.written_bytes,
        )


def usage_of(pid: int) -> Usage:
    """Return what a process and its ended children have used. Raises OSError if that cannot be read."""
    folder = Path("/proc", str(pid))
    # The command in parentheses may contain anything, including spaces.
    fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    ticks = sum(map(int, fields[11:15]))
    io = dict(line.split(": ") for line in (folder / "io").read_text(encoding="utf-8").splitlines())
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(io["rchar"]), int(io["wchar"]))


def usage_of_all(pids: list[int]) -> Usage | None:
    """Return the total that processes have used; None if none of them can be examined."""
    total = None
    for pid in pids:
        try:
            total = (total or Usage()) + usage_of(pid)
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return total


class Activity:
    """Measures how long processes have done next to nothing. `pids` finds them each time."""

    def __init__(
        self, pids: Callable[[], list[int]], stall_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pids = pids
        self._clock = clock
        self._interval = min(max(stall_seconds / 20, LEAST_SECONDS), MOST_SECONDS)
        self._looked_at = clock()
        self._last = usage_of_all(pids())
        self._worked_at = self._looked_at

    def idle_seconds(self) -> float:
        """Return the seconds since work was last seen; looks again when it is time."""
        now = self._clock()
        if now - self._looked_at >= self._interval:
            used = usage_of_all(self._pids())
            if used and self._last and is_work(self._last, used, now - self._looked_at):
                self._worked_at = now
            self._looked_at, self._last = now, used
        return now - self._worked_at


def is_work(before: Usage, after: Usage, seconds: float) -> bool:
    """Whether the use between two looks is more than waiting takes."""
    moved = after.read_bytes + after.written_bytes - before.read_bytes - before.written_bytes
    return (
        after.cpu_seconds - before.cpu_seconds >= WORKING_SHARE * seconds or moved >= WORKING_BYTES * seconds
    )
