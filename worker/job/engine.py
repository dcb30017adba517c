"""FIJI as the worker uses it: one fresh process per job, the next one perhaps in standby already.

The first FIJI starts before the first job is taken and proves the way; that job then runs in it. No JVM
runs two jobs.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker.contract import fijihome
from worker.contract.jobs import FailureClass, Value
from worker.contract.questions import find_questions
from worker.errors import JobFailed
from worker.fiji import launcher
from worker.fiji import process as fiji_process
from worker.fiji.display import choose_display, is_as_before
from worker.fiji.habits import find_habits
from worker.fiji.process import FijiProcess, Limits
from worker.fiji.script import Script
from worker.host import memory
from worker.host.folders import RunFolder, Scratch
from worker.job.ahead import longest_run
from worker.job.held import HeldJob
from worker.settings import WorkerSettings
from worker.storage import elsewhere
from worker.verdict.ending import Ending
from worker.verdict.starting import language_problem, proof_problem, why_not_started
from worker.verdict.verdict import SIGKILL, FijiRun

log = logging.getLogger(__name__)

Check = Callable[[], None]
Sink = Callable[[str], None]

#: After so many that died waiting, no more are started in standby.
STANDBY_DEATHS = 3

WITHOUT_RUNNER = (
    "FIJI_HOME ({home}) lacks our runner, which reports whether a script failed: `python -m"
    " worker.imagej.install --runner-only {home}` installs it; `make image` and --local do this"
    " automatically."
)


@dataclass
class Finished:
    """A run that is over, the folder that holds what it left, and the FIJI that it ran in."""

    folder: RunFolder
    run: FijiRun
    peak_memory_mb: int
    versions: dict[str, Any] = field(default_factory=dict)
    fiji: dict[str, Any] = field(default_factory=dict)
    #: Files that the script wrote elsewhere than in `output/`.
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Order:
    """A prepared job, its run's folder, its parameters with local paths, and what is called meanwhile."""

    held: HeldJob
    folder: RunFolder
    parameters: Mapping[str, Value]
    check: Check
    sink: Sink


class Engine:
    """Runs jobs one after another. All methods are called from the main thread."""

    def __init__(self, settings: WorkerSettings, scratch: Scratch, script: Script) -> None:
        self._fiji = _find_fiji(settings.fiji_home)
        self._runner_jar = _find_runner(self._fiji)
        self._settings = settings
        self._scratch = scratch
        self._script = script
        self._container_mb = memory.container_memory_mb(settings.memory_mb)
        self._display = choose_display(
            settings.display_mode, script.path.read_text(encoding="utf-8", errors="replace")
        )
        #: What the script asks a person, as far as its text shows it.
        self._questions = find_questions(script.text)
        self._standby: FijiProcess | None = None
        self._standby_deaths = 0
        #: Whether paths are led: a job had `paths`, as those after it have, most likely, or the script has
        #: Windows' slashes; and whether the standby can lead.
        self._habits = find_habits(script.text, script.path.suffix, keeps_tables=settings.collect_all)
        self._leads_paths = self._habits.backslashes
        self._standby_leads = False
        #: How long the last jobs were in FIJI.
        self._last_seconds: deque[float] = deque(maxlen=9)

    def prove(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Start the first job's FIJI, wait until it is ready, and look whether it is as it must be.

        Nothing is lost by the wait: the first job's FIJI would start then, were it not ready. Returns
        early when the worker is stopped. Raises JobFailed when FIJI does not start, or not with the heap
        and display it should have.
        """
        log.info("FIJI: %s", self._fiji)
        process = self._start_standby()
        limit = self._settings.fiji_start_seconds
        started_at = time.monotonic()
        proof: dict[str, Any] | None = None
        while not (proof or is_stopped()) and time.monotonic() - started_at < limit:
            runs = process.wait(fiji_process.LOOK_SECONDS)
            proof = process.ready()
            if not runs:
                break
        if proof:
            self._standby = process
            self._judge_proof(proof)
            return
        process.stop(term_seconds=0)
        process.folder.remove()
        if not is_stopped():
            raise JobFailed(
                FailureClass.FIJI_DID_NOT_START, _did_not_start(process, time.monotonic() - started_at)
            )

    def run(self, held: HeldJob, check: Check, sink: Sink) -> Finished:
        """Run a prepared job. Raises what `check` raises, when FIJI is gone, and JobFailed."""
        assert held.job is not None
        self._leads_paths = self._leads_paths or bool(held.job.paths)
        standby = self._take_standby(held)
        folder = standby.folder if standby else self._scratch.new_run()
        assert held.inputs is not None
        try:
            order = _Order(held, folder, self._put_in_place(held, folder), check, sink)
            seen = elsewhere.look(folder)
            finished = self._run_or_again(order, standby)
            finished.elsewhere = tuple(elsewhere.written(folder, seen))
            if self._settings.collect_all:
                elsewhere.collect(folder, finished.elsewhere)
            return finished
        except BaseException:
            if standby:
                standby.stop(term_seconds=0)
            held.inputs.end_loans()
            folder.remove()
            raise
        finally:
            # FIJI is gone: the next job may have what was lent to this one.
            held.inputs.end_loans(folder.output)

    def _run_or_again(self, order: _Order, standby: FijiProcess | None) -> Finished:
        """Run a job; once more, with a display, where it turns out to need one and has changed nothing."""
        before = self._display.look_at(order.folder)
        finished = self._run_by_runner(order, standby)
        if not self._display.is_wanted_after(finished.run.result):
            return finished
        self._display.turn_on()
        # A FIJI that waits was started without.
        self.close()
        if not is_as_before(order.folder, before):
            return finished
        order.folder.renew()
        return self._run_by_runner(order, None)

    def prepare_standby(self) -> None:
        """Start the next job's FIJI, unless one waits already or memory or experience speak against it."""
        if not self._standby and self._standby_deaths < STANDBY_DEATHS and self._wants_standby():
            self._standby = self._start_standby()

    def close(self) -> None:
        """End a FIJI that waits."""
        if self._standby:
            self._standby.stop(term_seconds=0)
            self._standby.folder.remove()
            self._standby = None

    def _start_standby(self) -> FijiProcess:
        folder = self._scratch.new_run()
        launch = self._launch(folder, whole=False)
        self._standby_leads = self._leads_paths
        return FijiProcess(
            launcher.runner_command(launch, "-", warm=str(self._script.path), ready=str(folder.ready_file)),
            folder,
        )

    def _judge_proof(self, proof: Mapping[str, Any]) -> None:
        """Log what the first FIJI has. Raises JobFailed when it is not as it was started."""
        problem = proof_problem(
            proof, self._heap_mb(whole=False), with_display=self._display.is_on
        ) or language_problem(proof, self._script.path.suffix)
        if problem:
            self.close()
            raise JobFailed(FailureClass.FIJI_DID_NOT_START, f"This FIJI cannot be used: {problem}.")
        log.info(
            "FIJI is ready: heap %d MB, %s, Java %s, languages %s",
            proof["heap_mb"],
            "headless" if proof["headless"] else "with a display",
            (proof.get("versions") or {}).get("java", "unknown"),
            ", ".join(proof.get("languages") or ()) or "unknown",
        )

    def _wants_standby(self) -> bool:
        return self._settings.standby and memory.standby_fits(self._container_mb)

    def _take_standby(self, held: HeldJob) -> FijiProcess | None:
        """Return the FIJI that waits, if it lives and has the heap and the agent that the job needs."""
        standby, self._standby = self._standby, None
        if standby is None:
            return None
        fits = self._standby_leads or not (held.job and held.job.paths)
        if not held.whole_memory and fits and standby.running():
            return standby
        if not standby.running():
            self._standby_deaths += 1
            log.warning("a FIJI in standby ended: %s", " | ".join(list(standby.console.tail)[-3:]))
        standby.stop(term_seconds=0)
        standby.folder.remove()
        return None

    def _put_in_place(self, held: HeldJob, folder: RunFolder) -> dict[str, Value]:
        """Move a job's inputs into its folder; return its parameters with local paths."""
        assert held.job is not None and held.inputs is not None
        held.inputs.move_into(folder.work)
        return held.inputs.parameters(held.job, folder.work)

    def _run_by_runner(self, order: _Order, process: FijiProcess | None) -> Finished:
        """Run a job in a FIJI that waits, or in a new one; return how it ended."""
        held, folder = order.held, order.folder
        script = self._script.copied_to(folder.script)
        assert held.job is not None and held.inputs is not None
        questions = fiji_process.Questions(
            held.inputs.answers(held.job, folder.work), self._settings.unanswered, self._questions
        )
        fiji_process.write_job_file(
            folder,
            str(script),
            order.parameters,
            self._settings.plugin_errors,
            questions,
            held.job.paths,
            self._habits,
        )
        if process:
            try:
                process.give_job(str(folder.job_file))
            except OSError:
                process.stop(term_seconds=0)
                process = None
        if process is None:
            command = launcher.runner_command(
                self._launch(folder, whole=held.whole_memory), str(folder.job_file)
            )
            process = FijiProcess(command, folder)
        return self._watch(order, process)

    def _watch(self, order: _Order, process: FijiProcess) -> Finished:
        """Stay with a process until it is gone and return all that is known of its run."""
        kills_before = memory.oom_kills()
        started_at = time.monotonic()
        process.console.stream_to(order.sink)
        limits = self._limits(started_at - order.held.taken_at)
        ending = fiji_process.supervise(process, limits, order.check)
        exit_code = process.exit_code if process.exit_code is not None else SIGKILL
        alive = process.alive()
        run = FijiRun(
            ending=ending,
            exit_code=exit_code,
            seconds=time.monotonic() - started_at,
            heap_mb=int((alive or {}).get("heap_mb") or self._heap_mb(order.held.whole_memory)),
            alive=alive is not None,
            result=process.result(),
            marks=list(process.console.marks),
            tail=list(process.console.tail),
            killed_for_memory=ending is Ending.BY_ITSELF
            and exit_code == SIGKILL
            and memory.oom_kills() > kills_before,
            disk_full=process.console.disk_full,
            usage=process.usage,
            headless=bool((alive or {}).get("headless", not self._display.is_on)),
            is_core=self._fiji.kind is fijihome.Kind.CORE,
        )
        self._last_seconds.append(run.seconds)
        return Finished(process.folder, run, process.peak_memory_mb, *self._made_of(alive or {}))

    def _made_of(self, alive: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a run's versions and its FIJI; what the run told goes before what files say."""
        versions = alive.get("versions")
        told = {name: alive[name] for name in ("heap_mb", "headless", "languages") if name in alive}
        return versions if isinstance(versions, dict) else {}, {**self._fiji.document(), **told}

    def _limits(self, waited_seconds: float) -> Limits:
        """Return how long a run may take whose message came so many seconds ago."""
        settings = self._settings
        longest = longest_run(settings.job_timeout_seconds, waited_seconds)
        return Limits(longest, settings.stall_timeout_seconds, settings.fiji_start_seconds)

    def _heap_mb(self, whole: bool) -> int:
        return memory.heap_mb(
            self._container_mb, whole=whole, standby=self._wants_standby(), display=self._display.is_on
        )

    def _launch(self, folder: RunFolder, *, whole: bool) -> launcher.Launch:
        settings = self._settings
        launcher.make_preferences(folder.preferences)
        return launcher.Launch(
            self._fiji,
            self._heap_mb(whole),
            folder.temporary,
            folder.preferences,
            runner_jar=self._runner_jar,
            cpu_cores=settings.cpu_cores,
            use_xvfb=self._display.is_on,
            leads_paths=self._leads_paths,
            is_short=launcher.expects_short(self._last_seconds, self._fiji.kind),
        )


def _find_fiji(home: Path) -> fijihome.FijiHome:
    """Return what FIJI_HOME holds. Raises JobFailed when this machine cannot start it."""
    found = fijihome.describe(home, os.environ)
    if found is None:
        sentence = f"FIJI_HOME: {fijihome.launcher_problem(home)}."
        raise JobFailed(FailureClass.FIJI_DID_NOT_START, sentence)
    return found


def _did_not_start(process: FijiProcess, seconds: float) -> str:
    why = why_not_started(process.console.marks, list(process.console.tail))
    return f"FIJI did not start within {seconds:.1f} s (exit code {process.exit_code}): {why}.".replace(
        "..", "."
    )


def _find_runner(fiji: fijihome.FijiHome) -> Path | None:
    """Return the runner's jar where FIJI's own jars lack it. Raises JobFailed when there is none."""
    found = launcher.find_runner(fiji.home, os.environ)
    if found is None:
        raise JobFailed(FailureClass.FIJI_DID_NOT_START, WITHOUT_RUNNER.format(home=fiji.home))
    return None if found == fiji.home / launcher.RUNNER_JAR else found
