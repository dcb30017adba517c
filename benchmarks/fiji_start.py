"""How long FIJI takes to start (cold, archive, standby), which compiler suits which job, what displays cost.

ImageJ core, and near-FIJI beside it where NEAR_FIJI names a folder of them (tests/nearfiji.py); BENCH_FIJI
names some alone. BENCH_PART names parts: starts, displays.

The ways take turns. Wall seconds run from asking for the job to the JVM's end, for a standby from giving it
the job; CPU is that of the whole JVM, a standby's waiting start too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.common import Target, finish, in_turns, show
from tests import nearfiji
from worker.contract.fijihome import describe
from worker.fiji.launcher import AGENT_JAR, Launch, runner_command
from worker.imagej.install import install

ROUNDS = 3
#: A standby gets its job when it is ready: its start is hidden behind the job before it.
READY_SECONDS = 120.0

MACRO = """\
#@ Integer rounds
newImage("a", "32-bit noise", 1024, 1024, 1);
for (i = 0; i < rounds; i++) run("Gaussian Blur...", "sigma=8");
setAutoThreshold("Otsu dark");
run("Measure");
saveAs("Results", "out.csv");
"""

PYTHON = """\
#@ Integer rounds
from ij import IJ
image = IJ.createImage("a", "32-bit noise", 1024, 1024, 1)
for i in range(rounds):
    IJ.run(image, "Gaussian Blur...", "sigma=8")
IJ.setAutoThreshold(image, "Otsu dark")
IJ.run(image, "Measure", "")
IJ.saveAs("Results", "out.csv")
"""

GROOVY = """\
#@ Integer rounds
import ij.IJ
def image = IJ.createImage("a", "32-bit noise", 1024, 1024, 1)
rounds.times { IJ.run(image, "Gaussian Blur...", "sigma=8") }
IJ.setAutoThreshold(image, "Otsu dark")
IJ.run(image, "Measure", "")
IJ.saveAs("Results", "out.csv")
"""

#: A macro's own loop over pixels: it depends on what the compiler makes of ImageJ's interpreter.
LOOP = """\
#@ Integer rounds
newImage("a", "8-bit ramp", 512, 512, 1);
s = 0;
for (i = 0; i < rounds; i++) for (y = 0; y < 512; y++) for (x = 0; x < 512; x++) s += getPixel(x, y);
File.saveString(d2s(s, 0), "out.csv");
"""

#: Images alone: without our agent a FIJI refuses, headless, what works with tables.
IMAGES = """\
#@ Integer rounds
newImage("a", "32-bit noise", 1024, 1024, 1);
for (i = 0; i < rounds; i++) run("Gaussian Blur...", "sigma=8");
saveAs("Tiff", "out.tif");
"""

#: A table that grows: with a display each row is drawn, too.
ROWS = """\
#@ Integer rounds
newImage("a", "8-bit ramp", 64, 64, 1);
for (i = 0; i < rounds; i++) run("Measure");
saveAs("Results", "out.csv");
"""

SCRIPTS = {
    "images.ijm": IMAGES,
    "rows.ijm": ROWS,
    "blur.ijm": MACRO,
    "blur.py": PYTHON,
    "blur.groovy": GROOVY,
    "loop.ijm": LOOP,
}


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds of one job, and the MB of memory of its JVM at most."""

    wall: float
    cpu: float
    memory: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} / {self.cpu:.2f}"


@dataclass(frozen=True)
class Way:
    """One way to run a job: in which home, by C1 alone (`is_short`) or also C2, in a JVM that waits?

    `has_display`: under Xvfb. `with_agent`: with our agent in ImageJ core, which has it only for `paths`.
    """

    home: Path
    is_short: bool = True
    is_waiting: bool = False
    has_display: bool = False
    with_agent: bool = False


def main() -> list[Target]:
    """Measure and print the tables."""
    home = install()
    print((home / "versions.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, text in SCRIPTS.items():
            (folder / name).write_text(text, encoding="utf-8")
        parts = os.environ.get("BENCH_PART", "starts displays").split()
        targets = compare_all_starts(home, folder) if "starts" in parts else []
        if "displays" in parts:
            compare_displays("ImageJ core", core_displays(home), folder)
            for name in near_fijis():
                compare_displays(name, near_displays(name, folder), folder)
    return targets


def compare_all_starts(home: Path, folder: Path) -> list[Target]:
    """Print what starts and compilers cost in ImageJ core and the near-FIJIs; return what must hold."""
    starts = compare_starts(home, folder)
    compare_compilers("ImageJ core", home, folder)
    targets = [target for name in near_fijis() for target in compare_near(name, folder)]
    python = starts["blur.py"]
    cpu, wall = python["archive"].cpu / python["cold"].cpu, python["standby"].wall / python["archive"].wall
    return [
        Target("the archive pays, blur.py: CPU against cold", cpu, "x", at_most=0.95),
        Target("the standby pays, blur.py: wall against the archive", wall, "x", at_most=0.7),
        *targets,
    ]


def near_fijis() -> list[str]:
    """Return the names of the near-FIJIs to measure: none where there are none."""
    named = os.environ.get("BENCH_FIJI", "Fiji-new Fiji.app").split()
    return [name for name in named if name in nearfiji.NEAR_FIJIS] if os.environ.get("NEAR_FIJI") else []


def compare_near(name: str, folder: Path) -> list[Target]:
    """Print what near-FIJI's start costs by way and compiler; return what must hold."""
    home = nearfiji.fiji_home(name)
    ways = {
        "cold, C1 and C2": Way(home, is_short=False),
        "cold": Way(home),
        "standby, C1 and C2": Way(home, is_short=False, is_waiting=True),
        "standby": Way(home, is_waiting=True),
    }
    spent = {script: measure(ways, folder / script, 0) for script in ("blur.ijm", "blur.py", "blur.groovy")}
    rows = [[script, *by_way.values()] for script, by_way in spent.items()]
    show(f"Start of {name}, wall / CPU seconds, medians of {ROUNDS}", ["script", *ways], rows)
    compare_compilers(name, home, folder)
    macro = spent["blur.ijm"]
    wall, cpu = macro["standby"].wall / macro["cold"].wall, macro["cold"].cpu / macro["cold, C1 and C2"].cpu
    return [
        Target(f"{name}: the start is hidden, standby's wall against cold", wall, "x", at_most=0.5),
        Target(f"{name}: short jobs' CPU, C1 against C1 and C2", cpu, "x", at_most=0.6),
    ]


def compare_starts(home: Path, folder: Path) -> dict[str, dict[str, Spent]]:
    """Print and return what the ways to start cost in each language, for jobs that do next to nothing."""
    plain = without_archive(home, folder / "cold")
    ways = {
        "cold, C1 and C2": Way(plain, is_short=False),
        "cold": Way(plain),
        "archive": Way(home),
        "standby": Way(home, is_waiting=True),
    }
    spent = {name: measure(ways, folder / name, 0) for name in ("blur.ijm", "blur.py", "blur.groovy")}
    rows = [[name, *by_way.values()] for name, by_way in spent.items()]
    show(f"Start, wall / CPU seconds, medians of {ROUNDS}", ["script", *ways], rows)
    return spent


def core_displays(home: Path) -> dict[str, Way]:
    """Return ImageJ core's ways to show windows or none; its classes are mended at its install."""
    return {
        "headless": Way(home),
        "headless, agent": Way(home, with_agent=True),
        "virtual display": Way(home, has_display=True),
    }


def near_displays(name: str, folder: Path) -> dict[str, Way]:
    """Return near-FIJI's ways to show windows or none, and headless as it is without our agent."""
    plain = nearfiji.copy_of(name, folder / "plain")
    (plain / AGENT_JAR).unlink()
    home = nearfiji.fiji_home(name)
    return {
        "headless": Way(plain),
        "headless, agent": Way(home),
        "virtual display": Way(home, has_display=True),
    }


def compare_displays(fiji: str, ways: Mapping[str, Way], folder: Path) -> None:
    """Print what the agent with its mending, and a display, cost a job: its start, its work, its memory."""
    jobs = [("images.ijm", 0, "start"), ("images.ijm", 20, "20 blurs of 1024²")]
    jobs += [("loop.ijm", 20, "20 macro loops of 512²"), ("rows.ijm", 200, "200 rows measured")]
    rows = []
    for name, rounds, what in jobs:
        # Tables are not mended there, and the runner refuses the job.
        able = {
            way: how for way, how in ways.items() if name != "rows.ijm" or (how.home / AGENT_JAR).exists()
        }
        spent = measure(able, folder / name, rounds)
        rows.append(
            [what, *(f"{spent[way]}, {spent[way].memory:.0f} MB" if way in spent else "–" for way in ways)]
        )
    show(f"Displays in {fiji}, wall / CPU seconds, memory, medians of {ROUNDS}", ["job", *ways], rows)


def compare_compilers(fiji: str, home: Path, folder: Path) -> None:
    """Print what the compilers cost by the length of the job; ImageJ core has its class archive."""
    ways = {"C1": Way(home), "C1 and C2": Way(home, is_short=False)}
    jobs = [("blur.py", rounds, "blurs of 1024²") for rounds in (0, 5, 20, 40)]
    jobs += [("loop.ijm", rounds, "macro loops of 512²") for rounds in (1, 10, 20, 40)]
    rows = []
    for name, rounds, what in jobs:
        spent = measure(ways, folder / name, rounds)
        ratio = spent["C1 and C2"].cpu / spent["C1"].cpu
        rows.append([f"{rounds} {what}", *spent.values(), f"{ratio:.2f}"])
    show(f"Compilers in {fiji}, wall / CPU seconds, medians of {ROUNDS}", ["job", *ways, "CPU ratio"], rows)


def measure(ways: Mapping[str, Way], script: Path, job_rounds: int) -> dict[str, Spent]:
    """Run a job by all ways in turn, some times over, and return the medians."""
    figures = in_turns({name: partial(run, way, script, job_rounds) for name, way in ways.items()}, ROUNDS)
    return {
        name: Spent(
            median(one.wall for one in runs),
            median(one.cpu for one in runs),
            median(one.memory for one in runs),
        )
        for name, runs in figures.items()
    }


def run(way: Way, script: Path, rounds: int) -> Spent:
    """Run one job in its own JVM. Raises SystemExit when it fails."""
    job = write_job(script, rounds)
    fiji = describe(way.home, os.environ)
    assert fiji
    launch = Launch(
        fiji,
        1024,
        script.parent,
        script.parent / "prefs",
        use_xvfb=way.has_display,
        is_short=way.is_short,
        leads_paths=way.with_agent,
    )
    ready = script.with_suffix(".ready")
    ready.unlink(missing_ok=True)
    waiting = runner_command(launch, "-", warm=str(script), ready=str(ready))
    process = subprocess.Popen(
        waiting if way.is_waiting else runner_command(launch, str(job)),
        cwd=script.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    started_at = time.perf_counter()
    if way.is_waiting:
        until = time.monotonic() + READY_SECONDS
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        started_at = time.perf_counter()
        process.stdin.write(f"{job}\n".encode())
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started_at
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{script.name} failed: {script.with_suffix('.result').read_text(encoding='utf-8')}")
    # The largest of the processes that have ended, which is the JVM; kB on Linux (getrusage(2)).
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def write_job(script: Path, rounds: int) -> Path:
    """Write the job file of a script."""
    document = {
        "script": str(script),
        "parameters": {"rounds": rounds},
        "alive": str(script.with_suffix(".alive")),
        "result": str(script.with_suffix(".result")),
    }
    job = script.with_suffix(".json")
    job.write_text(json.dumps(document), encoding="utf-8")
    return job


def without_archive(home: Path, folder: Path) -> Path:
    """Return a FIJI_HOME like `home`, but for its class archive."""
    folder.mkdir()
    shutil.copy(home / "ImageJ-linux64", folder)
    for part in ("jars", "java", "jython-packages"):
        (folder / part).symlink_to(home / part)
    return folder


if __name__ == "__main__":
    sys.exit(finish(main()))
