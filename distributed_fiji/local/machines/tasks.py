"""A task as a process of this machine that ends like a container: nothing it started outlives it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from distributed_fiji.local.machines import taskplan
from distributed_fiji.local.machines.taskplan import TaskPlan

#: Set for every task and inherited by whatever it starts, so that all of it can be found again.
MARK = "WORKER_SCRATCH"

#: A killed process may take a moment to end, and may have started something in the meantime.
KILL_ROUNDS = 50
KILL_ROUND_SECONDS = 0.02


class CannotStart(Exception):
    """Raised when a task's container cannot be started; the text is the reason that ECS shows."""


class NotReady(Exception):
    """Raised when a task must wait before it can start; the text says what for."""


@dataclass(frozen=True)
class Exit:
    """How a task ended: its exit code in Docker's form (128 + signal), and a reason if there is one."""

    code: int | None
    reason: str = ""


class TaskProcess(Protocol):
    """A running task, as a process or as a container."""

    plan: TaskPlan
    log: Path

    def stop(self, seconds: float) -> None:
        """Send SIGTERM now, once, and SIGKILL if it is still running after some seconds. Does not wait."""

    def kill(self) -> None:
        """Send SIGKILL to everything, at once."""

    def poll(self) -> Exit | None:
        """Return how the task ended, after cleaning up; None while it is running."""


class ProcessTask:
    """A worker as a task, in its own session, with its output appended to `log`. Raises CannotStart.

    `fiji`: its FIJI_HOME. `runner`: our runner's jar if that FIJI lacks it.
    """

    def __init__(self, plan: TaskPlan, log: Path, fiji: Path, runner: Path | None = None) -> None:
        self.plan = plan
        self.log = log
        self._kill_at: float | None = None
        for folder in (plan.scratch, plan.work, plan.folder / "home", plan.folder / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "worker"],
                    env=taskplan.process_environment(plan, fiji, runner),
                    cwd=plan.work,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise CannotStart(f"CannotStartContainerError: {sys.executable}: {error.strerror}") from error

    def stop(self, seconds: float) -> None:
        """Send SIGTERM to the task's first process, as Docker does; that process must end what it started."""
        deadline = time.monotonic() + seconds
        if self._kill_at is None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._kill_at = min(deadline, self._kill_at or deadline)

    def kill(self) -> None:
        """Kill the task and everything it started, without warning."""
        kill_marked(self.plan.scratch)

    def poll(self) -> Exit | None:
        """Return how the task ended. By then, what it left running has been killed and its folder removed."""
        code = self._process.poll()
        if code is None:
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                kill_marked(self.plan.scratch)
            return None
        kill_marked(self.plan.scratch)
        shutil.rmtree(self.plan.folder, ignore_errors=True)
        return Exit(128 - code if code < 0 else code)


def kill_marked(scratch: Path) -> None:
    """Kill all processes of a task, including those in their own sessions, until none is left.

    They are not waited for, because that would take the exit code from whoever started them.
    """
    for _ in range(KILL_ROUNDS):
        found = [process for process, folder in _marked() if folder == str(scratch)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(KILL_ROUND_SECONDS)


def sweep(scratch_root: Path) -> int:
    """Kill what tasks of an earlier start of the machines left running, and remove their folders.

    Return how many processes there were.
    """
    folders = {folder for _, folder in _marked() if Path(folder).is_relative_to(scratch_root)}
    for folder in folders:
        kill_marked(Path(folder))
    for left in scratch_root.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    return len(folders)


def _marked() -> list[tuple[psutil.Process, str]]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            folder = process.environ().get(MARK)
            if folder and process.status() != psutil.STATUS_ZOMBIE:
                found.append((process, folder))
    return found
