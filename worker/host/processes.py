"""Start processes, and end all of their descendants.

The worker is the subreaper of its descendants (prctl(2), PR_SET_CHILD_SUBREAPER). Anything that a process
leaves behind when it ends becomes a child of the worker, even if it detached itself with its own session or
group, two forks, or an emptied environment. So children that the worker did not start are leftovers of a run.
Outside Linux, only the process group is ended.
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
#: Seconds to wait for a killed process. One that is still there afterwards hangs in the kernel, and is given
#: up.
KILL_SECONDS = 5.0
LOOK_SECONDS = 0.005
#: Processes may start each other. When no new one has appeared for this long, all are taken to be dead.
CHASE_SECONDS = 0.02

_started: set[int] = set()
_given_up: set[int] = set()
#: Held while a process is being started, so that it is not mistaken for a leftover of a run.
_starting = threading.Lock()


def adopt_orphans() -> bool:
    """Make this process the parent of descendants that lose theirs. Return False if that is not supported.

    Processes that detached themselves earlier, such as the bucket's mount, are not affected.
    """
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0) == 0)


def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process in its own session, which is killed with this worker (see `subprocess.Popen`)."""
    with _starting:
        process = subprocess.Popen([*dies_with_parent(), *command], start_new_session=True, **options)
        _started.add(process.pid)
    return process


def forget(pid: int) -> None:
    """Note that a started process has ended and been waited for, so its id may be reused."""
    _started.discard(pid)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group. It is fine if there is no such group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def bury_the_dead() -> None:
    """Reap a child that has ended and that nobody else waits for. Costs one system call."""
    with contextlib.suppress(ChildProcessError):
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None and found.si_pid not in _started:
            _bury(found.si_pid)


def end_strays() -> list[int]:
    """Kill everything that ended processes have left behind, with all its descendants, until none is left.

    Return the ids of those that cannot be killed, each once.
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
    """Return a process, its descendants, and orphans of any run."""
    with _starting:
        children = _children()
        found = [pid, *(child for child in children.get(os.getpid(), []) if child not in _started)]
    for one in found:
        found += children.get(one, [])
    return found


def _chase(newest: int, until: float) -> None:
    """Kill strays younger than `newest`, until none has appeared for a while.

    A process that starts another and ends is gone before a scan of all processes is over. Looking at the
    newest ids alone takes a fraction of the time that a program takes to start.
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
    """Return those of these processes, created since the last look, that are children of this one."""
    if ids.start <= 1:
        # The newest ids are not known.
        return []
    return [pid for pid in ids if _parent_of(pid) == os.getpid() and _leads_its_threads(pid)]


def _leads_its_threads(pid: int) -> bool:
    """Whether an id belongs to a process.

    Threads take ids from the same numbers and have the parent of their process (proc(5), stat), and a signal
    to a thread ends its whole process.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return f"\nTgid:\t{pid}\n" in status


def _newest_id() -> int:
    """Return the process id that was assigned last (proc(5), /proc/loadavg); 0 if unknown."""
    try:
        return int(Path("/proc/loadavg").read_bytes().split()[4])
    except (OSError, ValueError, IndexError):
        return 0


def _parent_of(pid: int) -> int | None:
    """Return the id of a process's parent, or None where there is no such process."""
    try:
        # proc(5): the name is in parentheses and may contain anything; state and parent follow it.
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
    """Return the ids of all processes, grouped by parent."""
    children: dict[int, list[int]] = {}
    names = [folder.name for folder in Path("/proc").iterdir()] if Path("/proc/self/stat").exists() else []
    for pid in (int(name) for name in names if name.isdigit()):
        if (parent := _parent_of(pid)) is not None:
            children.setdefault(parent, []).append(pid)
    return children


@lru_cache(maxsize=1)
def dies_with_parent() -> list[str]:
    """Return a command prefix that makes the kernel end the command when this worker is killed.

    setpriv is part of util-linux. Without it, the FIJI of a killed worker ends with its container. The thread
    that starts the command must outlive it, because the kernel watches that thread, not the process.
    """
    if not shutil.which("setpriv"):
        return []
    # If the worker was killed before the kernel knew, it is no longer the parent, and the command does not
    # start.
    guard = ["sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]
    return ["setpriv", "--pdeathsig", "KILL", "--", *guard]
