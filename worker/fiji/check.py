"""Check whether a FIJI can do what the worker needs: `python -m worker.fiji.check [FIJI_HOME]`.

It runs two dozen short scripts in the FIJI, as jobs are run, and prints a table of the results. Nothing is
sent anywhere, and the FIJI is not changed. docs/fiji-checklist.md explains the table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.contract import fijihome
from worker.contract.jobs import Value
from worker.fiji import launcher
from worker.fiji.check_image import write_ome_tiff
from worker.fiji.check_run import Ran, TrialTools, run_script
from worker.fiji.check_trials import LANGUAGES, Trial, trials
from worker.host import processes
from worker.host.folders import Scratch
from worker.verdict.starting import proof_problem

HEAP_MB = 600
HELD, FAILED, LEFT_OUT = "held", "FAILED", "left out"


@dataclass(frozen=True)
class Row:
    """A row of the table: what was checked, then HELD, FAILED or LEFT_OUT, and a few words."""

    name: str
    state: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.state:<9} {self.name:<28} {self.words}".rstrip()


class Check:
    """The check of one FIJI. `rows` yields each result as soon as it is known."""

    def __init__(self, means: TrialTools, scratch: Scratch) -> None:
        self._means = means
        self._scratch = scratch
        self._folder = scratch.script

    def rows(self) -> Iterator[Row]:
        """Yield the table's rows. If the FIJI does not start, there is only the first."""
        before = _snapshot(self._means.fiji.home)
        first = self._run_text("start.ijm", "print(1);")
        yield _judged("starts", f"{first.seconds:.1f} s", "" if first.is_done else first.told())
        if not first.is_done:
            return
        yield from self._proof_rows(first)
        planned = trials(
            start_seconds=first.seconds, image=str(write_ome_tiff(self._folder / "tiny.ome.tif"))
        )
        languages = " ".join(first.alive.get("languages") or ())
        # One at a time, as in a worker, since each run ends any leftovers that it finds.
        for trial in planned:
            yield self._row(trial, languages)
        yield _judged("FIJI's folder is as it was", "", _changes(before, _snapshot(self._means.fiji.home)))

    def _proof_rows(self, first: Ran) -> Iterator[Row]:
        alive = first.alive
        found = f"{self._means.heap_mb} MB given, {alive.get('heap_mb')} MB found"
        yield _judged(
            "heap and headless", found, proof_problem(alive, self._means.heap_mb, with_display=False)
        )
        yield Row("languages", HELD, ", ".join(alive.get("languages") or ()))

    def _row(self, trial: Trial, languages: str) -> Row:
        if reason := self._reason_to_leave_out(trial, languages):
            return Row(trial.name, LEFT_OUT, reason)
        if trial.earlier is not None:
            self._run(trial, trial.earlier)
        ran = self._run(trial, trial.parameters)
        words = f"{ran.seconds:.1f} s" if ran.is_done else ran.told()
        return _judged(trial.name, words, trial.judge(ran))

    def _reason_to_leave_out(self, trial: Trial, languages: str) -> str:
        if LANGUAGES[trial.ending] not in languages:
            return "this FIJI does not have the language"
        if trial.display and not shutil.which("xvfb-run"):
            return "there is no Xvfb on this machine"
        if trial.needs_bioformats and not fijihome.has_bioformats(self._means.fiji.home):
            return "this FIJI has no Bio-Formats"
        return ""

    def _run(self, trial: Trial, parameters: Mapping[str, Value]) -> Ran:
        name = "".join(letter if letter.isalnum() else "_" for letter in trial.name)
        script = self._folder / f"{name}.{trial.ending}"
        script.write_text(trial.text, encoding="utf-8")
        options = {} if trial.job_seconds is None else {"job_seconds": trial.job_seconds}
        return run_script(
            self._means,
            self._scratch,
            script,
            parameters,
            paths=trial.paths,
            use_xvfb=trial.display,
            **options,
        )

    def _run_text(self, name: str, text: str) -> Ran:
        script = self._folder / name
        script.write_text(text, encoding="utf-8")
        return run_script(self._means, self._scratch, script, {})


def _judged(name: str, words: str, problem: str) -> Row:
    return Row(name, FAILED if problem else HELD, problem or words)


#: The classic launcher writes its location into this file, whoever starts it, if its folder has moved (seen
#: on near-FIJI).
OF_THE_LAUNCHER = {"ImageJ2.desktop"}


def _snapshot(home: Path) -> dict[str, tuple[int, int]]:
    """Every file of a FIJI with its size and modification time; links are not followed."""
    found = {}
    for folder, _, names in os.walk(home):
        for name in set(names) - OF_THE_LAUNCHER:
            status = os.lstat(Path(folder, name))
            found[str(Path(folder, name).relative_to(home))] = (status.st_size, status.st_mtime_ns)
    return found


def _changes(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> str:
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return f"runs have changed {', '.join(changed[:5])}" if changed else ""


def find_runner(fiji: fijihome.FijiHome, say: Callable[[str], None]) -> Path | None:
    """Return our runner's jar, compiled in the checkout, for a FIJI that lacks it; None if it has it.

    Exits if the jar cannot be had.
    """
    if launcher.find_runner(fiji.home, {}):
        return None
    if found := launcher.find_runner(fiji.home, os.environ):
        return found
    from worker.imagej.install import runner_beside
    from worker.imagej.jars import InstallError

    try:
        return runner_beside(fiji.home, Path(__file__).parents[2] / ".fiji-runner", say)
    except InstallError as error:
        raise SystemExit(f"The runner for {fiji.home} cannot be made: {error}") from error


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m worker.fiji.check",
        description="Look whether a FIJI does what the worker needs; nothing of it is changed.",
    )
    made.add_argument("fiji_home", nargs="?", help="its folder (default: FIJI_HOME, or a usual place)")
    made.add_argument("--heap", type=int, default=HEAP_MB, metavar="MB", help="heap of a run (default: 600)")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Print the table. Return 0 if everything held, 1 if something did not, 2 if there is no FIJI."""
    options = parser().parse_args(arguments)
    named = options.fiji_home or os.environ.get("FIJI_HOME")
    home = Path(named).resolve() if named else fijihome.find_fiji(Path.home())
    fiji = fijihome.describe(home, os.environ) if home else None
    if home is None or fiji is None:
        problem = fijihome.launcher_problem(home) if home else "there is no FIJI in a usual place"
        print(f"{problem}.", file=sys.stderr)
        return 2
    return check(fiji, options.heap)


def check(fiji: fijihome.FijiHome, heap_mb: int) -> int:
    """Check a FIJI, printing each row as soon as it is known. Return the exit code."""
    print(f"{fiji.home}: {fiji}", flush=True)
    runner = find_runner(fiji, lambda line: print(line, flush=True))
    processes.adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="distributed-fiji-check-") as folder:
        scratch = Scratch(Path(folder))
        rows = []
        for row in Check(TrialTools(fiji, runner, heap_mb), scratch).rows():
            print(row, flush=True)
            rows.append(row)
        scratch.remove()
    counts = {state: sum(row.state == state for row in rows) for state in (HELD, FAILED, LEFT_OUT)}
    print(f"{counts[HELD]} held, {counts[FAILED]} failed, {counts[LEFT_OUT]} left out.")
    return 1 if counts[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
