"""Processes that outlive the command that started them: known by pid and start time, ended by pid.

A pid alone may belong to another process by now. With the start time as well, no other process is ever
signalled.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

#: The kernel's start times are exact to a clock tick, but the boot time they count from moves with the clock.
START_TIME_TOLERANCE_SECONDS = 2.0

POLL_SECONDS = 0.02
KILLED_SECONDS = 5.0


@dataclass(frozen=True)
class Identity:
    """A process of ours: its pid and when it started (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return the identity of a running process. Raises psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process if it is running; None if it has ended, or if its pid now belongs to another."""
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < START_TIME_TOLERANCE_SECONDS
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def spawn(command: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> Identity:
    """Start a program in its own session, without a terminal, with its output appended to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Identity.of(process.pid)


def end(identities: Iterable[Identity], grace_seconds: float) -> None:
    """End processes: SIGTERM, then SIGKILL after the grace period; wait until they are gone."""
    found = list(identities)
    _signal(found, signal.SIGTERM)
    if not wait_until_gone(found, grace_seconds):
        _signal(found, signal.SIGKILL)
        wait_until_gone(found, KILLED_SECONDS)


def _signal(identities: list[Identity], signum: signal.Signals) -> None:
    for process in (identity.process() for identity in identities):
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signum)


def wait_until_gone(identities: list[Identity], seconds: float) -> bool:
    """Return whether all processes ended in time. One that has not been reaped yet has ended too."""
    deadline = time.monotonic() + seconds
    while any(identity.process() for identity in identities):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
