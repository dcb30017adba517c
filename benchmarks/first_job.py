"""From typing `setup` to the first job's script at work, on the embedded cloud: three commands in sequence.

The script's first act is to write a file into a folder that the benchmark watches. ImageJ core is installed
before; the embedded cloud runs already, or is started by `setup`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import Target, finish, medians, show
from worker.imagej.install import install

CHECKOUT = Path(__file__).resolve().parents[1]
ROUNDS = 3
COMMANDS = ("setup", "submitJob", "startCluster")
APP = f"First{os.getpid()}"

CONFIG = """
APP_NAME = {app!r}
AWS_BUCKET = {bucket!r}
SCRIPT_DOWNLOAD_URL = 'script.ijm'
MACHINE_TYPE = 'm5.large'
MEMORY = 1500
CLUSTER_MACHINES = 1
"""
SCRIPT = '#@ String mark\nFile.saveString("here", mark);\nFile.saveString("done", "output/done.txt");\n'


def one_round(folder: Path, environment: dict[str, str], number: int) -> dict[str, float]:
    """Type the commands one after another; return when each had ended and when the script was at work."""
    mark = folder / f"mark{number}"
    app = f"{APP}x{number}"
    # One bucket for all: setup takes a name that is like one of its buckets for a typing error.
    (folder / "config.py").write_text(CONFIG.format(app=app, bucket=f"{APP.lower()}-bucket"))
    (folder / "job.json").write_text(
        json.dumps({"output_file_location": "out", "groups": [{"mark": str(mark)}]})
    )
    began = time.perf_counter()
    after = {}
    for command, file in zip(COMMANDS, ([], ["job.json"], ["fleet.json"]), strict=True):
        run_py(folder, environment, command, *(str(folder / name) for name in file))
        after[command] = time.perf_counter() - began
    while not mark.exists():
        if time.perf_counter() - began > 120:
            raise RuntimeError(f"no job has started; the logs are in {folder / 'cloud' / 'logs'}")
        time.sleep(0.005)
    after["script at work"] = time.perf_counter() - began
    run_py(folder, environment, "cleanup", app, "--yes", "--keep", "")
    return after


def run_py(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    """Run a command on the embedded cloud; raises RuntimeError with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "run.py", "--local", "--config", str(folder / "config.py"), *arguments],
        env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")


def local(environment: dict[str, str], *arguments: str) -> None:
    """Run `run.py local …`, whether or not there is a cloud."""
    command = [sys.executable, "run.py", "local", *arguments]
    subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, check=False)


def main() -> list[Target]:
    """Measure with the embedded cloud running, and with `setup` starting it; print the table."""
    install(CHECKOUT / ".imagej-core")
    rows: list[list[object]] = []
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "DISTRIBUTED_FIJI_LOCAL": str(folder / "cloud")}
        (folder / "script.ijm").write_text(SCRIPT)
        (folder / "fleet.json").write_text("{}")
        try:
            for number in range(2 * ROUNDS):
                started = "started by setup" if number % 2 == 0 else "running"
                if started != "running":
                    local(environment, "stop")
                after = one_round(folder, environment, number)
                rows.append([started, *after.values()])
                figures.setdefault(started, []).append(after["script at work"])
        finally:
            local(environment, "reset", "--yes")
    show(
        "Seconds since typing `setup`", ["embedded cloud", *COMMANDS, "script at work"], sorted(rows, key=str)
    )
    return [
        Target(f"first job, embedded cloud {started}, median", seconds, " s", at_most=5)
        for started, seconds in medians(figures).items()
    ]


if __name__ == "__main__":
    sys.exit(finish(main()))
