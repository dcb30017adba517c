"""Run one script in a FIJI, watched and judged by the worker's own parts, without queue and bucket."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.contract.fijihome import FijiHome
from worker.contract.jobs import Value
from worker.fiji import launcher
from worker.fiji import process as fiji_process
from worker.fiji.process import FijiProcess, Limits
from worker.host.folders import RunFolder, Scratch
from worker.storage.outputs import Found
from worker.verdict.ending import Ending
from worker.verdict.verdict import SIGKILL, Expected, FijiRun, Verdict, judge

#: A FIJI on a slow or busy machine may take this long to start.
START_SECONDS = 300.0
JOB_SECONDS = 900.0

#: A check reads the files that its script writes. None of them is needed for a good verdict.
NOTHING_EXPECTED = Expected(files=0, least_bytes=0, necessary="")


@dataclass(frozen=True)
class TrialTools:
    """What runs need: the FIJI, our runner's jar if FIJI lacks it, and the heap in MiB."""

    fiji: FijiHome
    runner_jar: Path | None
    heap_mb: int


@dataclass(frozen=True)
class Ran:
    """A finished run: its verdict, the runner's sign of life ({} if there was none), and what it left.

    `texts`: the text files in its output folder, by name. `seconds`: from start to end.
    """

    verdict: Verdict
    alive: Mapping[str, Any]
    texts: Mapping[str, str]
    console: str
    seconds: float

    @property
    def is_done(self) -> bool:
        return self.verdict.failure is None

    def told(self) -> str:
        """The outcome in one line."""
        if self.is_done:
            return "it was taken for done"
        failure = self.verdict.failure
        return f"{failure.value if failure else ''}: {self.verdict.sentence}"


def run_script(
    means: TrialTools,
    scratch: Scratch,
    script: Path,
    parameters: Mapping[str, Value],
    *,
    paths: Mapping[str, str] | None = None,
    job_seconds: float = JOB_SECONDS,
    use_xvfb: bool = False,
) -> Ran:
    """Run a script as a job is run, and return the outcome. Its folder and processes are gone then."""
    folder = scratch.new_run()
    try:
        launch = _launch(means, folder, use_xvfb=use_xvfb, leads_paths=bool(paths))
        fiji_process.write_job_file(folder, str(script), parameters, paths=paths)
        started_at = time.monotonic()
        process = FijiProcess(launcher.runner_command(launch, str(folder.job_file)), folder)
        limits = Limits(job_seconds, 0, START_SECONDS)
        ending = fiji_process.supervise(process, limits, lambda: None)
        return _ran(process, ending, means.heap_mb, time.monotonic() - started_at)
    finally:
        folder.remove()


def _launch(means: TrialTools, folder: RunFolder, *, use_xvfb: bool, leads_paths: bool) -> launcher.Launch:
    launcher.make_preferences(folder.preferences)
    return launcher.Launch(
        means.fiji,
        means.heap_mb,
        folder.temporary,
        folder.preferences,
        runner_jar=means.runner_jar,
        use_xvfb=use_xvfb,
        is_short=True,
        leads_paths=leads_paths,
    )


def _ran(process: FijiProcess, ending: Ending, heap_mb: int, seconds: float) -> Ran:
    alive = process.alive() or {}
    run = FijiRun(
        ending=ending,
        exit_code=process.exit_code if process.exit_code is not None else SIGKILL,
        seconds=seconds,
        heap_mb=int(alive.get("heap_mb") or heap_mb),
        alive=bool(alive),
        result=process.result(),
        marks=list(process.console.marks),
        tail=list(process.console.tail),
    )
    verdict = judge(run, Found(), NOTHING_EXPECTED)
    return Ran(verdict, alive, _texts(process.folder.output), "\n".join(run.tail), seconds)


def _texts(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in files}
