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
#: As long as none has come of processes that start each other, all are taken to be dead.
CHASE_SECONDS = 0.02

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
    return bool(ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0) == 0)


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
            _kill(pid)
        _chase(max(strays), until)
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


def _chase(newest: int, until: float) -> None:
    """Kill strays that are younger than `newest`, until none has come for a while.

    A process that starts another and ends is gone before a look at all processes is over; the newest ids
    alone are looked at within a fraction of the time that a program takes to start.
    """
    quiet_since = time.monotonic()
    while (now := time.monotonic()) < until and now - quiet_since < CHASE_SECONDS:
        last = _newest_id()
        if last < newest:
            return
        with _starting:
            strays = [pid for pid in _own_among(range(newest + 1, last + 1)) if pid not in _started]
        newest = last if not strays else max(strays)
        for pid in strays:
            _kill(pid)
            quiet_since = now


def _own_among(ids: range) -> list[int]:
    """Return which of these processes, made since the last look, are children of this one."""
    if ids.start <= 1:
        # Nobody knows which are the newest.
        return []
    return [pid for pid in ids if _parent_of(pid) == os.getpid() and _leads_its_threads(pid)]


def _leads_its_threads(pid: int) -> bool:
    """Whether an id is a process's own: threads take their ids from the same numbers, have the parent of
    their process (proc(5), stat), and a signal to one of them ends the whole process.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return f"\nTgid:\t{pid}\n" in status


def _newest_id() -> int:
    """Return the id that was given to a process last (proc(5), /proc/loadavg); 0 where that is not known."""
    try:
        return int(Path("/proc/loadavg").read_bytes().split()[4])
    except (OSError, ValueError, IndexError):
        return 0


def _parent_of(pid: int) -> int | None:
    """Return the id of a process's parent, or None where there is no such process."""
    try:
        # proc(5): the name stands in brackets and may hold any; after it state and parent.
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat[stat.rindex(b")") :].split()[2])
    except (OSError, ValueError, IndexError):
        return None


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    _bury(pid)


def _bury(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _strays() -> list[int]:
    """Return the children of this process that it did not start, and their descendants."""
    with _starting:
        newest = _newest_id()
        children = _children()
        found = {*children.get(os.getpid(), []), *_own_among(range(newest + 1, _newest_id() + 1))}
        strays = [pid for pid in found if pid not in _started | _given_up]
    for pid in strays:
        strays += children.get(pid, [])
    return strays


def _children() -> dict[int, list[int]]:
    """Return the ids of all processes by their parents'."""
    children: dict[int, list[int]] = {}
    names = [folder.name for folder in Path("/proc").iterdir()] if Path("/proc/self/stat").exists() else []
    for pid in (int(name) for name in names if name.isdigit()):
        if (parent := _parent_of(pid)) is not None:
            children.setdefault(parent, []).append(pid)
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
