"""check over 100,000 groups and 100,000 keys: one input for each group, and eight for each of 12,500.

`run.py check JOB` whole, in a process of its own, against emulators on loopback; a proxy counts requests to
S3. The peak memory is that of the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import Target, finish, seconds_of, show
from benchmarks.make_job import CHECKOUT, KEYS, SITES, bare_listing, emulated, well
from tests.emulators import CLIENT_ENVIRONMENT, calls_through, control_plane

#: Heads of TIFF files that are read, and what else S3 is asked for at most.
HEADS, OTHERS = 32, 10


@dataclass(frozen=True)
class Checked:
    """One run of the command: seconds by the clock and of its own CPU, peak memory, requests to S3."""

    seconds: float
    cpu: float
    peak_mb: float
    requests: int


def job_files() -> dict[str, dict[str, Any]]:
    """Return a job file with a job for each key, and one with a job for each well."""
    each = [{"Well": well(number // SITES), "Site": str(number % SITES + 1)} for number in range(KEYS)]
    wells = [{"Well": well(number)} for number in range(KEYS // SITES)]
    return {
        "each": {
            "output_file_location": "out/{Well}/{Site}",
            "inputs": ["plates/{Well}_s{Site}.tif"],
            "groups": each,
        },
        "well": {"output_file_location": "out/{Well}", "inputs": ["plates/{Well}_s*.tif"], "groups": wells},
    }


def measured(folder: Path, name: str, document: dict[str, Any], endpoints: dict[str, str]) -> Checked:
    """Run the command; return what it took. Raises RuntimeError where it finds anything to stop for."""
    (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "a.ijm").write_text("print(1);", encoding="utf-8")
    before = calls_through(endpoints["AWS_ENDPOINT_URL_S3"])
    command = [
        sys.executable,
        "run.py",
        "--config",
        str(folder / "config.py"),
        "check",
        str(folder / f"{name}.json"),
    ]
    began = time.perf_counter()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command,
            env={**os.environ, **CLIENT_ENVIRONMENT, **endpoints},
            cwd=CHECKOUT,
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"check ended with status {status}: {(folder / 'said').read_text()}")
    requests = calls_through(endpoints["AWS_ENDPOINT_URL_S3"]) - before
    return Checked(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, requests)


def main() -> list[Target]:
    """Measure both, print the table."""
    with emulated(b"II*\0\x08\0\0\0" + bytes(40)) as (folder, proxy), control_plane(folder) as control:
        endpoints = {"AWS_ENDPOINT_URL": control, "AWS_ENDPOINT_URL_S3": proxy, "AWS_ENDPOINT_URL_SQS": proxy}
        listing = seconds_of(lambda: bare_listing(proxy))
        checked = {name: measured(folder, name, file, endpoints) for name, file in job_files().items()}
    show(
        f"`run.py check` over {KEYS:,} keys on loopback, whole; listing alone {listing:.1f} s",
        ["a job for each", "seconds", "CPU seconds", "peak MB", "requests to S3"],
        [[name, one.seconds, one.cpu, one.peak_mb, one.requests] for name, one in checked.items()],
    )
    return [
        target
        for name, one in checked.items()
        for target in (
            Target(f"{name}: check", one.seconds, " s", at_most=20),
            Target(f"{name}: lists", one.requests - HEADS, at_most=110 + OTHERS),
            Target(f"{name}: peak memory", one.peak_mb, " MB", at_most=300),
        )
    ]


if __name__ == "__main__":
    sys.exit(finish(main()))
