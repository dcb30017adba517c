"""Near-FIJI: FIJI's real launchers with the real imagej-legacy, as three FIJI folders for running jobs.

`NEAR_FIJI` names the folder that holds them (`.ci/near-fiji.sh` creates it). Without it, the tests skip on a
user's machine and fail in CI.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.imagej import Ran, finish, imagej_core, write_job
from worker.contract.fijihome import describe
from worker.fiji.launcher import Launch, make_preferences, runner_command

#: The newest Jaunch, Jaunch of the stable FIJI of August 2025, and the classic launcher.
NEAR_FIJIS = ("Fiji-new", "Fiji-2025", "Fiji.app")
#: Everything that tests of launching, parameters and verdicts run on.
FIJIS = ("ImageJ core", *NEAR_FIJIS)

#: Files of at least this size are links in a copy.
LINKED_BYTES = 2**20

RUNNER_JAR = "distributed-fiji-runner.jar"
AGENT_JAR = "distributed-fiji-agent.jar"


def assembled() -> Path:
    """Return the folder with the three FIJIs. Without it, skip the test, or fail it in CI."""
    named = os.environ.get("NEAR_FIJI", "")
    if named and all((Path(named) / name / "jars").is_dir() for name in NEAR_FIJIS):
        return Path(named).resolve()
    what = f"NEAR_FIJI ({named or 'not set'}) names no folder with {', '.join(NEAR_FIJIS)}"
    if os.environ.get("CI"):
        pytest.fail(f"CI needs more than it has: {what}")
    pytest.skip(what)


def need_xvfb() -> None:
    """Skip the test if there is no Xvfb, or fail it in CI."""
    if shutil.which("xvfb-run"):
        return
    if os.environ.get("CI"):
        pytest.fail("CI needs more than it has: Xvfb is not installed")
    pytest.skip("Xvfb is not installed; tests/docker has it too")


def fiji_home(name: str) -> Path:
    """Return a FIJI_HOME by its name in FIJIS, with our runner. The tests of one process share it."""
    if name == "ImageJ core":
        return imagej_core()
    assembled()
    return _prepared(name)


def copy_of(name: str, into: Path, *, runner: bool = True, java: Path | None = None) -> Path:
    """Create a copy of one near-FIJI in a folder and return its FIJI_HOME.

    `runner`: include our runner's jar. `java`: a Java home to put into the folder, like FIJI's own.
    """
    home = into / name
    shutil.copytree(assembled() / name, home, symlinks=True, copy_function=_link)
    if runner:
        shutil.copy(imagej_core() / "jars" / RUNNER_JAR, home / "jars" / RUNNER_JAR)
        shutil.copy(imagej_core() / "jars" / AGENT_JAR, home / "jars" / AGENT_JAR)
    if java is not None:
        (home / "java" / "linux64").mkdir(parents=True)
        (home / "java" / "linux64" / java.name).symlink_to(java)
    return home


def _link(source: str, target: str) -> None:
    """Link large files, which costs no space (never edit them in place); copy those on another disk.

    The classic launcher writes its folder into ImageJ2.desktop, in place.
    """
    if Path(source).stat().st_size < LINKED_BYTES:
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@cache
def _prepared(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="near-fiji-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return copy_of(name, folder)


def command(home: Path, folder: Path, job: Path, *flags: str, xvfb: bool = False) -> list[str]:
    """Return the worker's command that runs a job file. `flags` are the JVM's; the last of each counts.

    If a display is wanted and there is no Xvfb, skip the test, or fail it in CI.
    """
    if xvfb:
        need_xvfb()
    fiji = describe(home, os.environ)
    assert fiji, home
    make_preferences(folder / "prefs")
    launch = Launch(fiji, 500, folder, folder / "prefs", use_xvfb=xvfb, is_short=True)
    words = runner_command(launch, str(job))
    at = words.index("--")
    return [*words[:at], *flags, *words[at:]]


def run_script(
    fiji: str,
    folder: Path,
    name: str,
    text: str,
    /,
    *flags: str,
    xvfb: bool = False,
    home: Path | None = None,
    **parameters: Any,
) -> Ran:
    """Write a script into a folder, and run it there as a job of one of FIJIS; see `imagej.run_script`.

    `home`: a copy of that FIJI to use instead.
    """
    home = home or fiji_home(fiji)
    script = folder / name
    script.write_text(text, encoding="utf-8")
    job = write_job(folder, script, **parameters)
    return finish(_start(command(home, folder, job, *flags, xvfb=xvfb), folder), folder)


def check_told(fiji: str, script: Path, folder: Path, *, xvfb: bool = False) -> None:
    """Run a script in one of FIJIS, and compare the lines that it prints after "> " with those of its
    expected/NAME.txt, where NAME is the script's without its ending.
    """
    ran = run_script(fiji, folder, script.name, script.read_text("utf-8"), xvfb=xvfb)
    assert ran.result.get("ok"), (ran.result, ran.out[-2000:], ran.err[-2000:])
    told = [line.rstrip() for line in ran.out.splitlines() if line.startswith("> ")]
    expected = script.parent / "expected" / f"{script.stem}.txt"
    assert told == expected.read_text("utf-8").splitlines()


def start(
    fiji: str, folder: Path, job: Path, *flags: str, work: Path, xvfb: bool = False
) -> subprocess.Popen[str]:
    """Start a job file in one of FIJIS in the folder `work`; Java's preferences go to `folder`."""
    return _start(command(fiji_home(fiji), folder, job, *flags, xvfb=xvfb), work)


def _start(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
