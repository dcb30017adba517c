"""The worker's folders on local disk: one scratch folder per worker, and a new folder for each run of FIJI.

Nothing outside the scratch folder is ever written or removed. If a worker is killed, the next worker that
starts in the same place removes its scratch folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.host import processes

log = logging.getLogger(__name__)

PREFIX = "distributed-fiji-worker-"
LOCK = "lock"


#: Identifies a file and detects changes to it: inode, bytes, mtime and ctime in ns.
FolderMark = tuple[int, int, int, int]


def mark_of(found: os.stat_result) -> FolderMark:
    """Return a file's mark. No program can set a ctime."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(frozen=True)
class RunFolder:
    """The folder of one FIJI process. `work` is its working directory; `control` belongs to the worker."""

    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def output(self) -> Path:
        return self.work / "output"

    @property
    def input(self) -> Path:
        return self.work / "input"

    @property
    def script(self) -> Path:
        return self.root / "control" / "script"

    @property
    def job_file(self) -> Path:
        return self.root / "control" / "job.json"

    @property
    def alive_file(self) -> Path:
        return self.root / "control" / "alive"

    @property
    def ready_file(self) -> Path:
        """Written by a FIJI that has started and has no job yet."""
        return self.root / "control" / "ready"

    @property
    def result_file(self) -> Path:
        return self.root / "control" / "result"

    @property
    def console_file(self) -> Path:
        return self.root / "control" / "console.log"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def preferences(self) -> Path:
        """The run's own Java home and preferences, where ImageJ and SciJava store values."""
        return self.root / "prefs"

    @property
    def collected(self) -> Path:
        """Files that the script wrote elsewhere and that count as outputs anyway (COLLECT_ALL)."""
        return self.root / "collected"

    def renew(self) -> None:
        """Empty `output/` and remove what a run has reported, for another run in the same folder."""
        remove_tree(self.output)
        self.output.mkdir()
        for file in (self.ready_file, self.alive_file, self.result_file):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder, whatever a script has done to it."""
        remove_tree(self.root)


class Scratch:
    """A worker's own folder below `parent`, locked for as long as the worker lives."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        remove_what_the_dead_left(parent)
        # Lock it before it gets the name that other workers look for, so that none removes it half made.
        made = Path(tempfile.mkdtemp(prefix=".", dir=parent))
        self._lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.root = made.rename(parent / f"{PREFIX}{made.name[1:]}")
        for name in ("runs", "staging", "cache", "script"):
            (self.root / name).mkdir()

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def script(self) -> Path:
        return self.root / "script"

    def new_run(self) -> RunFolder:
        """Return a new folder with an empty `output/` for one FIJI process."""
        folder = RunFolder(Path(tempfile.mkdtemp(prefix="run-", dir=self.root / "runs")))
        folder.output.mkdir(parents=True)
        folder.job_file.parent.mkdir()
        folder.temporary.mkdir()
        return folder

    def new_staging(self) -> Path:
        """Return a new folder for the inputs of a job that has no FIJI process yet."""
        return Path(tempfile.mkdtemp(prefix="job-", dir=self.root / "staging"))

    def remove(self) -> None:
        """Remove the whole scratch folder.

        The lock goes last, so that no other worker removes it at the same time.
        """
        remove_tree(self.root)
        os.close(self._lock)


def remove_what_the_dead_left(parent: Path) -> None:
    """Remove every worker's scratch folder in `parent` whose lock is not held."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            # A scratch folder is locked before it is named, so whoever was removing this one has died.
            remove_tree(folder)
            continue
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(folder)
        except OSError:
            log.debug("%s belongs to a worker that lives", folder)
        finally:
            os.close(lock)


def remove_tree(folder: Path) -> None:
    """Remove a folder, including subfolders without write permission. It is fine if it is already gone.

    Tries several times, since a process that is being killed may still write into it.
    """
    for pause in (0.05, 0.2, 0.5, 1.0, 0.0):
        try:
            shutil.rmtree(folder, onerror=_open_up_and_retry)
        except RecursionError:
            # For folders nested a thousand deep, where rmtree would recurse too far.
            process = processes.start(["rm", "-rf", "--", str(folder)], stdin=subprocess.DEVNULL)
            process.wait()
            processes.forget(process.pid)
        if not folder.exists():
            return
        time.sleep(pause)
    log.warning("%s could not be removed", folder)


def _open_up_and_retry(function: Callable[..., Any], path: str, _error: Any) -> None:
    """Restore the permissions that a script took away, and try once more."""
    for one in (Path(path).parent, Path(path)):
        try:
            if not one.is_symlink():
                one.chmod(one.stat().st_mode | stat.S_IRWXU)
        except OSError:
            continue
    try:
        if function in (os.rmdir, os.unlink, os.remove):
            function(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    except OSError as error:
        log.debug("%s stays: %s", path, error)
