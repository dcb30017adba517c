"""Run jobs in a real ImageJ: the installed ImageJ core, and one job through its runner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from worker.imagej.install import install

#: No job of the tests takes longer, even on a busy machine; one that does hangs.
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Ran:
    """What a run of ImageJ left: its exit code, its console, and its job's result file."""

    code: int
    out: str
    err: str
    result: dict[str, Any]


@cache
def imagej_core() -> Path:
    """Return the FIJI_HOME of ImageJ core, building it if needed."""
    return install()


def start(
    *arguments: str | Path, cwd: Path, home: Path | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start ImageJ core's launcher in a folder."""
    return subprocess.Popen(
        [str((home or imagej_core()) / "ImageJ-linux64"), *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str], folder: Path, sent: str = "") -> Ran:
    """Wait for the end of ImageJ, and read what it left in the job's folder.

    If it hangs, kill it, with its whole group if it leads one: under xvfb-run, it is a child.
    """
    try:
        out, err = process.communicate(sent, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        raise
    result = folder / "result.json"
    return Ran(process.returncode, out, err, json.loads(result.read_text("utf-8")) if result.exists() else {})


def write_job(folder: Path, script: Path, /, **parameters: str | int | float | bool) -> Path:
    """Write a script's job file, with a result file to be written to the same folder."""
    job = folder / "job.json"
    document = {
        "script": str(script),
        "parameters": parameters,
        "offered": {"seed": 7},
        "alive": str(folder / "alive.json"),
        "result": str(folder / "result.json"),
    }
    job.write_text(json.dumps(document), encoding="utf-8")
    return job


def run_script(
    folder: Path, name: str, text: str, /, *flags: str, home: Path | None = None, **parameters: Any
) -> Ran:
    """Write a script into a folder, and run it there as a job."""
    script = folder / name
    script.write_text(text, encoding="utf-8")
    job = write_job(folder, script, **parameters)
    arguments = (*flags, "--headless", "--run", "distributedfiji.Runner", f'job="{job}"')
    return finish(start(*arguments, cwd=folder, home=home), folder)


def run_plain(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run ImageJ core by its plain command line."""
    return finish(start(*arguments, cwd=folder, env={**os.environ, **environment}), folder)
