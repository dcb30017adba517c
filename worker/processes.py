"""Ending processes for good: a whole process group, and what has left it.

Everything that FIJI starts inherits an environment variable with a mark that belongs to this run alone; a
process that made itself a new session or group is found by it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from functools import lru_cache
from pathlib import Path

MARK = "DISTRIBUTED_FIJI_RUN"


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; "no such group" is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_marked(mark: str) -> list[int]:
    """Kill every process that carries a mark; return their ids. Looks again until none is found."""
    killed: list[int] = []
    for _ in range(5):
        found = _marked(mark)
        if not found:
            break
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += found
    return killed


def _marked(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # A zombie's environment is empty, so what is dead already is not found.
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@lru_cache(maxsize=1)
def dies_with_parent() -> list[str]:
    """Return the words to put before a command so that the kernel ends it when this worker is killed.

    setpriv is part of util-linux; without it a killed worker's FIJI ends with its container.
    The thread that starts the command must outlive it: the kernel means that thread, not the process.
    """
    if not shutil.which("setpriv"):
        return []
    # A worker that was killed before the kernel knew is no parent any more: then the command does not start.
    guard = ["sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]
    return ["setpriv", "--pdeathsig", "KILL", "--", *guard]
