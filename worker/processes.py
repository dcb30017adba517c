"""Processes that this worker starts, and the end of all that descends from them.

The worker is the subreaper of its descendants (prctl(2), PR_SET_CHILD_SUBREAPER): whatever a process that it
started leaves behind when it ends becomes a child of the worker, however it detached itself: by a session or
group of its own, by two forks, with an environment that it has emptied. So children that the worker did not
start are what a run has left. Outside Linux only the process group is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

SUBREAPER = 36
#: Seconds after which a process that was killed and is still there is given up: it hangs in the kernel.
KILL_SECONDS = 5.0
LOOK_SECONDS = 0.005

_started: set[int] = set()
_given_up: set[int] = set()
#: Held while a process is started, so that it is never taken for one that a run has left.
_starting = threading.Lock()


def adopt_orphans() -> bool:
    """Make this process the parent of all descendants that lose theirs; False where there is no such thing.

    What was started before and detached itself, as the bucket's mount, is left alone by that.
    """
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0) == 0


def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which ends when this worker is killed (`subprocess.Popen`)."""
    with _starting:
        process = subprocess.Popen([*dies_with_parent(), *command], start_new_session=True, **options)
        _started.add(process.pid)
    return process


def forget(pid: int) -> None:
    """Note that a started process has ended and was waited for: its id may become another's."""
    _started.discard(pid)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; "no such group" is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def bury_the_dead() -> None:
    """Wait for a child that has ended and that nobody else waits for. Costs one system call."""
    with contextlib.suppress(ChildProcessError):
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None and found.si_pid not in _started:
            _bury(found.si_pid)


def end_strays() -> list[int]:
    """Kill all that ended processes have left behind, with all that descends from it, until none is left.

    Returns the ids of those that cannot be killed, each once.
    """
    until = time.monotonic() + KILL_SECONDS
    while strays := _strays():
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            _bury(pid)
        if time.monotonic() > until:
            _given_up.update(strays)
            return strays
        time.sleep(LOOK_SECONDS)
    return []


def family(pid: int) -> list[int]:
    """Return a process, all that descends from it, and what has lost its parent, of whatever run."""
    with _starting:
        children = _children()
        found = [pid, *(child for child in children.get(os.getpid(), []) if child not in _started)]
    for one in found:
        found += children.get(one, [])
    return found


def _bury(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _strays() -> list[int]:
    """Return the children of this process that it did not start, and their descendants."""
    with _starting:
        children = _children()
        strays = [pid for pid in children.get(os.getpid(), []) if pid not in _started | _given_up]
    for pid in strays:
        strays += children.get(pid, [])
    return strays


def _children() -> dict[int, list[int]]:
    """Return the ids of all processes by their parents'."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir() if Path("/proc/self/stat").exists() else []:
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # proc(5): the name stands in brackets and may hold any; after it state and parent.
                stat = (folder / "stat").read_bytes()
                children.setdefault(int(stat[stat.rindex(b")") :].split()[2]), []).append(int(folder.name))
    return children


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
