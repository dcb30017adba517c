"""FIJI as the worker uses it: one fresh process per job, the next one perhaps in standby already.

Chooses between our runner and FIJI's own `--run`, and returns what is known of a run. No JVM runs two jobs.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker import fiji_process, launcher, memory
from worker.contract import FailureClass, Value
from worker.errors import JobFailed
from worker.fiji_process import Ending, FijiProcess, Limits
from worker.held import HeldJob
from worker.jobfolder import RunFolder, Scratch
from worker.script import Script
from worker.settings import WorkerSettings
from worker.verdict import SIGKILL, Run

log = logging.getLogger(__name__)

Check = Callable[[], None]
Sink = Callable[[str], None]

#: After so many that died waiting, no more are started in standby.
STANDBY_DEATHS = 3

WITHOUT_RUNNER = "scripts are judged by FIJI's exit code, its console and the outputs"


@dataclass
class Finished:
    """A run that is over, and the folder that holds what it left."""

    folder: RunFolder
    run: Run
    peak_memory_mb: int
    versions: dict[str, Any] = field(default_factory=dict)


class Engine:
    """Runs jobs one after another. All methods are called from the main thread."""

    def __init__(self, settings: WorkerSettings, scratch: Scratch, script: Script) -> None:
        found = launcher.find_launcher(settings.fiji_home)
        if found is None:
            names = " nor ".join(launcher.LAUNCHERS)
            sentence = f"FIJI_HOME ({settings.fiji_home}) holds neither {names}."
            raise JobFailed(FailureClass.FIJI_DID_NOT_START, sentence)
        self._launcher = found
        self._settings = settings
        self._scratch = scratch
        self._script = script
        self._container_mb = memory.container_memory_mb(settings.memory_mb)
        self._standby: FijiProcess | None = None
        self._standby_deaths = 0
        #: How long the last jobs were in FIJI.
        self._last_seconds: deque[float] = deque(maxlen=9)
        self._use_runner = settings.fiji_runner == "runner" or (
            settings.fiji_runner == "auto" and launcher.has_runner(settings.fiji_home)
        )
        self._runner_is_proved = settings.fiji_runner == "runner"
        if settings.fiji_runner == "auto" and not self._use_runner:
            log.warning("this FIJI lacks our runner (FIJI_RUNNER): %s", WITHOUT_RUNNER)

    def run(self, held: HeldJob, check: Check, sink: Sink) -> Finished:
        """Run a prepared job. Raises what `check` raises, when FIJI is gone, and JobFailed."""
        standby = self._take_standby(held.whole_memory)
        folder = standby.folder if standby else self._scratch.new_run()
        try:
            parameters = self._put_in_place(held, folder)
            if self._use_runner:
                finished = self._run_by_runner(held, folder, parameters, (check, sink, standby))
                if self._runner_is_proved or finished.run.alive:
                    self._runner_is_proved = True
                    return finished
                self._fall_back(folder)
            return self._run_directly(held, folder, parameters, (check, sink))
        except BaseException:
            if standby:
                standby.stop(term_seconds=0)
            folder.remove()
            raise

    def prepare_standby(self) -> None:
        """Start the next job's FIJI, unless one waits already or memory or experience speak against it."""
        may = self._runner_is_proved and self._standby_deaths < STANDBY_DEATHS
        if self._standby or not may or not self._wants_standby():
            return
        folder = self._scratch.new_run()
        command = launcher.runner_command(self._launch(folder, whole=False), "-", warm=str(self._script.path))
        self._standby = FijiProcess(command, folder)

    def close(self) -> None:
        """End a FIJI that waits."""
        if self._standby:
            self._standby.stop(term_seconds=0)
            self._standby.folder.remove()
            self._standby = None

    def _wants_standby(self) -> bool:
        return self._settings.standby and self._use_runner and memory.standby_fits(self._container_mb)

    def _take_standby(self, whole_memory: bool) -> FijiProcess | None:
        """Return the FIJI that waits, if it lives and has the heap that the job needs."""
        standby, self._standby = self._standby, None
        if standby is None:
            return None
        if not whole_memory and standby.running():
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

    def _run_by_runner(
        self,
        held: HeldJob,
        folder: RunFolder,
        parameters: Mapping[str, Value],
        means: tuple[Check, Sink, FijiProcess | None],
    ) -> Finished:
        check, sink, process = means
        fiji_process.write_job_file(folder, str(self._script.path), parameters)
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
        return self._watch(held, process, check, sink)

    def _run_directly(
        self, held: HeldJob, folder: RunFolder, parameters: Mapping[str, Value], means: tuple[Check, Sink]
    ) -> Finished:
        offered = {"input_dir": str(folder.input), "output_dir": str(folder.output)}
        declared = {name: offered[name] for name in sorted(self._script.declares)}
        command = launcher.direct_command(
            self._launch(folder, whole=held.whole_memory), self._script.path, {**declared, **parameters}
        )
        return self._watch(held, FijiProcess(command, folder), *means)

    def _watch(self, held: HeldJob, process: FijiProcess, check: Check, sink: Sink) -> Finished:
        """Stay with a process until it is gone and return all that is known of its run."""
        by_runner = self._use_runner
        kills_before = memory.oom_kills()
        started_at = time.monotonic()
        process.console.stream_to(sink)
        ending = fiji_process.supervise(process, self._limits(by_runner), check)
        exit_code = process.exit_code if process.exit_code is not None else SIGKILL
        result = process.result() if by_runner else None
        alive = process.alive()
        run = Run(
            ending=ending,
            exit_code=exit_code,
            seconds=time.monotonic() - started_at,
            heap_mb=self._heap_mb(held.whole_memory),
            by_runner=by_runner,
            alive=alive is not None,
            result=result,
            marks=list(process.console.marks),
            tail=list(process.console.tail),
            killed_for_memory=ending is Ending.BY_ITSELF
            and exit_code == SIGKILL
            and memory.oom_kills() > kills_before,
            disk_full=process.console.disk_full,
            usage=process.usage,
        )
        self._last_seconds.append(run.seconds)
        versions = (alive or {}).get("versions")
        return Finished(
            process.folder, run, process.peak_memory_mb, versions if isinstance(versions, dict) else {}
        )

    def _limits(self, by_runner: bool) -> Limits:
        settings = self._settings
        start = settings.fiji_start_seconds if by_runner else 0.0
        return Limits(settings.job_timeout_seconds, settings.stall_timeout_seconds, start)

    def _fall_back(self, folder: RunFolder) -> None:
        """From now on without the runner; the folder is made ready for the same job again."""
        log.warning("this FIJI does not run our runner (FIJI_RUNNER): %s", WITHOUT_RUNNER)
        self._use_runner = False
        folder.renew_output()

    def _heap_mb(self, whole: bool) -> int:
        return memory.heap_mb(self._container_mb, whole=whole, standby=self._wants_standby())

    def _launch(self, folder: RunFolder, *, whole: bool) -> launcher.Launch:
        settings = self._settings
        return launcher.Launch(
            self._launcher,
            self._heap_mb(whole),
            folder.temporary,
            cpu_cores=settings.cpu_cores,
            use_xvfb=settings.use_xvfb,
            is_short=launcher.expects_short(self._last_seconds),
        )
