"""Processes that outlive the command that started them: known by pid and start time, ended by pid.

A pid alone may have been given to somebody else since; with the start time beside it, a process that is not
ours is never signalled.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

#: The kernel's start times are exact to a clock tick; the boot time they count from moves with the clock.
START_TIME_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Identity:
    """A process of ours: its pid and when it started (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return the identity of a process that runs now. Raises psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process while it runs; None when it ended, or when its pid is another's by now."""
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < START_TIME_TOLERANCE_SECONDS
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def spawn(command: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> Identity:
    """Start a program in a session of its own, without a terminal, its output appended to `log`."""
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
    """End processes with SIGTERM, and with SIGKILL what is left after the grace; wait until they are gone."""
    processes = [process for process in (identity.process() for identity in identities) if process]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace_seconds)
