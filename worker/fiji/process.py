"""One FIJI process: start it in its own process group, watch it, and end it with all that it started.

Knows nothing of queues and buckets, nor how to judge a run: verdict.py judges what this returns.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker.contract.jobs import FailureClass
from worker.contract.locations import OPEN_TABLES
from worker.contract.paths import led
from worker.contract.questions import Question
from worker.errors import JobFailed
from worker.fiji.console import Console
from worker.fiji.habits import NO_HABITS, Habits
from worker.host import processes
from worker.host.activity import Activity, Usage, usage_of_all
from worker.host.folders import RunFolder
from worker.verdict.ending import Ending

LOOK_SECONDS = 0.05
#: A JVM that is asked to exit gets this long before it is killed.
TERM_SECONDS = 3.0
#: How long a runner may take to exit after writing its result. ImageJ's pool threads may keep a JVM alive.
AFTER_RESULT_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """Seconds that a run may take in total, stay silent, and take to start. 0 means no limit."""

    job_seconds: float
    stall_seconds: float
    start_seconds: float


@dataclass(frozen=True)
class Questions:
    """What a job knows about its script's questions: `answers` by their words, and those seen in its text.

    `unanswered`: fail or defaults.
    """

    answers: Mapping[str, Any] = field(default_factory=dict)
    unanswered: str = "fail"
    in_script: Sequence[Question] = ()


NO_QUESTIONS = Questions()


class FijiProcess:
    """A FIJI that runs exactly one job.

    Start it from a thread that outlives it (see processes.dies_with_parent).
    """

    def __init__(self, command: list[str], folder: RunFolder) -> None:
        self.folder = folder
        self.exit_code: int | None = None
        self.peak_memory_mb = 0
        #: What it and its children have used, known after its end; None if unknown.
        self.usage: Usage | None = None
        #: Ids of processes that it left behind and that could not be ended.
        self.survivors: list[int] = []
        self._process = processes.start(
            command,
            cwd=folder.work,
            # Jaunch does not start without a HOME.
            env={"HOME": str(folder.root), **os.environ, "TMPDIR": str(folder.temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        self.console = Console(self._process.stdout, folder.console_file)

    def give_job(self, job_file: str) -> None:
        """Tell a FIJI in standby which job to run. Raises OSError if it is dead."""
        assert self._process.stdin is not None
        self._process.stdin.write(os.fsencode(job_file) + b"\n")
        self._process.stdin.close()

    def running(self) -> bool:
        """Whether the process is alive.

        Once it is not, everything it started is ended, and its end recorded.
        """
        if self.exit_code is None and self._has_ended():
            # Kill the group while its leader is still a zombie, so that the id cannot belong to anything
            # else.
            processes.signal_group(self._process.pid, signal.SIGKILL)
            self.usage = self.usage or usage_of_all([self._process.pid])
            _, status, usage = os.wait4(self._process.pid, 0)
            self.exit_code = self._process.returncode = os.waitstatus_to_exitcode(status)
            self.peak_memory_mb = usage.ru_maxrss // 1024
            processes.forget(self._process.pid)
            self.survivors = processes.end_strays()
            self.console.finish(2)
            with contextlib.suppress(OSError):
                if self._process.stdin:
                    self._process.stdin.close()
        return self.exit_code is None

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for the process to end; return whether it is alive."""
        until = time.monotonic() + seconds
        while self.running() and (left := until - time.monotonic()) > 0:
            if self.console.ended.wait(min(LOOK_SECONDS, left)):
                time.sleep(0.005)
        return self.running()

    def stop(self, term_seconds: float = TERM_SECONDS) -> None:
        """End the process and everything it started: first TERM, then KILL after `term_seconds`."""
        if self.running() and term_seconds > 0:
            processes.signal_group(self._process.pid, signal.SIGTERM)
            self.wait(term_seconds)
        if self.running():
            processes.signal_group(self._process.pid, signal.SIGKILL)
            self.wait(5)

    def activity(self, stall_seconds: float) -> Activity:
        """Return a measure of how long it, and everything it started, have done next to nothing."""
        return Activity(lambda: processes.family(self._process.pid), stall_seconds)

    def note_usage(self) -> None:
        """Record what it and everything it started have used, while that can still be read."""
        self.usage = usage_of_all(processes.family(self._process.pid))

    def result(self) -> dict[str, Any] | None:
        """Return what the runner wrote at its end, or None if nothing readable was written."""
        return _read_json(self.folder.result_file)

    def ready(self) -> dict[str, Any] | None:
        """Return the sign of life of a FIJI that is waiting for its job, or None."""
        return _read_json(self.folder.ready_file)

    def alive(self) -> dict[str, Any] | None:
        """Return the runner's sign of life, or None."""
        return _read_json(self.folder.alive_file)

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def supervise(
    process: FijiProcess,
    limits: Limits,
    check: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Wait for the end of a run and return how it ended. In every case, the process is gone afterwards.

    `check` is called several times a second, and may raise to stop the run at once. Raises JobFailed if a
    process that the run left behind cannot be ended, because it may change outputs.
    """
    ending = _wait_for_end(process, limits, check, clock)
    if process.survivors or process.running():
        # It hangs in the kernel, for example on a disk that does not answer.
        raise JobFailed(
            FailureClass.STALLED,
            "The script has ended, but a process that it started cannot be stopped and may still"
            " write to output/.",
        )
    return ending


def _wait_for_end(
    process: FijiProcess, limits: Limits, check: Callable[[], None], clock: Callable[[], float]
) -> Ending:
    started_at = clock()
    result_at: float | None = None
    activity = process.activity(limits.stall_seconds)
    try:
        while process.wait(LOOK_SECONDS):
            check()
            processes.bury_the_dead()
            now = clock()
            if result_at is None and process.folder.result_file.exists():
                result_at = now
            if result_at is not None and now - result_at > AFTER_RESULT_SECONDS:
                break
            overrun = overrun_of(process, limits, now - started_at, activity)
            if overrun and result_at is None:
                process.note_usage()
                process.stop()
                return overrun
        return Ending.BY_ITSELF
    except BaseException:
        process.stop(term_seconds=0.5)
        raise
    finally:
        process.stop()


def overrun_of(process: FijiProcess, limits: Limits, seconds: float, activity: Activity) -> Ending | None:
    """Return which limit a run has passed after `seconds`, or None.

    A FIJI that prints nothing but uses the processor or the disk is working.
    """
    if limits.job_seconds and seconds > limits.job_seconds:
        return Ending.TIMED_OUT
    silent = process.console.silent_seconds()
    if limits.stall_seconds and min(silent, activity.idle_seconds()) > limits.stall_seconds:
        return Ending.STALLED
    if limits.start_seconds and seconds > limits.start_seconds and not process.folder.alive_file.exists():
        return Ending.NO_SIGN_OF_LIFE
    return None


def write_job_file(
    folder: RunFolder,
    script: str,
    parameters: Mapping[str, Any],
    plugin_errors: str = "fail",
    questions: Questions = NO_QUESTIONS,
    paths: Mapping[str, str] | None = None,
    habits: Habits = NO_HABITS,
) -> None:
    """Write what the runner reads: the script, its parameters with their types, and where to report.

    The key `argument` of metadata or answers is also what a macro's getArgument() returns. `plugin_errors`:
    fail or warn. `paths`: a job's. The folders in `output/` that they lead to are created, since they existed
    on the machine that the script names.
    """
    argument = parameters.get("argument", questions.answers.get("argument", ""))
    places = led(paths or {}, folder.work)
    for place in places.values():
        if Path(place).is_relative_to(folder.output):
            Path(place).mkdir(parents=True, exist_ok=True)
    document = {
        "script": script,
        "parameters": dict(parameters),
        "offered": {"input_dir": str(folder.input), "output_dir": str(folder.output)},
        "answers": dict(questions.answers),
        "unanswered": questions.unanswered,
        "questions": [question.document() for question in questions.in_script],
        "argument": argument,
        "plugin_errors": plugin_errors,
        "paths": places,
        "opens_input": habits.opens_input,
        "opens_all": habits.opens_all,
        "needs_images": habits.needs_images,
        "backslashes": habits.backslashes,
        "tables": str(folder.work / OPEN_TABLES) if habits.keeps_tables else None,
        "alive": str(folder.alive_file),
        "result": str(folder.result_file),
    }
    folder.job_file.write_text(json.dumps(document), encoding="utf-8")


def _read_json(file: Any) -> dict[str, Any] | None:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
