"""What is known of done jobs, from their manifests and from workers' lines about them, over HTTP.

`report`, `collect` and `resubmit` read this. Both ways take turns on the same emulator, whose time is much of
what is measured, each in a process of its own.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import Target, finish, in_turns, medians, show
from distributed_fiji.aws.clients import connect
from distributed_fiji.review.facts import Facts, from_s3
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.record import new_run
from tests.emulators import CLIENT_ENVIRONMENT, ministack
from worker.contract.jobs import Job, manifest_key, segment_key
from worker.records.records import Origin, Sent, manifest
from worker.records.segments import LINES, line_of

BUCKET, ACCOUNT, APP, JOBS, ROUNDS = "bench-bucket", "000000000000", "Lines", 20_000, 3
ORIGIN = Origin(APP, "s3://b/script.ijm", "0" * 64, "image@sha256:" + "0" * 64, "1", {"instance_id": "i-1"})
ABOUT = {
    "attempt": 1,
    "run_id": "r",
    "seconds": {"look": 0.02, "inputs": 0.3, "fiji": 61.5, "upload": 0.2, "commit": 0.03},
    "warnings": [],
    "questions": [],
    "versions": {"fiji": "1.54p", "java": "21", "scijava": "2.99.0"},
    "peak_memory_mb": 2100,
    "console": ["Opening an image", "Threshold: 113"],
}


def write_objects(bucket: Path) -> None:
    """Write manifests and lines as files, which the emulator takes up when it starts."""
    lines: list[str] = []
    for number in range(JOBS):
        job = Job({"Plate": f"P{number // 384}", "Well": f"W{number % 384}"}, f"out/{number}")
        inputs = [{"key": f"s3://{BUCKET}/in/{number}.tif", "etag": "e" * 32, "bytes": 2_000_000}]
        sent = [
            Sent(f"out/{number}/{name}", 10_000, "e" * 32, "0" * 64) for name in ("a.csv", "b.tif", "c.png")
        ]
        document = manifest(ORIGIN, job, {**ABOUT, "inputs": inputs}, destination=BUCKET, outputs=sent)
        body = json.dumps(document, indent=1).encode()
        write(bucket / manifest_key(APP, job.job_id), body)
        lines.append(json.dumps(line_of(document, md5_of(body)), separators=(",", ":")))
        if len(lines) == LINES:
            key = segment_key(APP, f"{number:016x}", 0)
            write(bucket / key, gzip.compress("".join(f"{line}\n" for line in lines).encode()))
            lines.clear()


def write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def md5_of(body: bytes) -> str:
    from hashlib import md5

    return md5(body, usedforsecurity=False).hexdigest()


def read_here(few: int) -> None:
    """Read all in this process; print what it took."""
    import resource

    settings, _ = parse_settings(
        {"APP_NAME": APP, "AWS_BUCKET": BUCKET, "SCRIPT_DOWNLOAD_URL": "s3://b/s.ijm"}
    )
    clients = connect("us-east-1", None)
    run = new_run(settings, started=0, run_id="", local=False)
    read, asked = from_s3(clients.s3), [0]

    def counted(bucket: str, key: str) -> bytes | None:
        asked[0] += 1
        return read(bucket, key)

    jobs = {path.stem for path in Path(os.environ["BENCH_MANIFESTS"]).glob("*.json")}
    began = time.perf_counter()
    told = sum(1 for _ in Facts(run, counted, clients.s3, few=few).done(jobs))
    seconds = time.perf_counter() - began
    assert told == JOBS, told
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, asked[0], peak]))


def in_a_process(few: int, environment: dict[str, str]) -> Callable[[], list[float]]:
    """Return what reads in a process of its own, and returns seconds, GETs and peak MB."""
    command = [sys.executable, "-m", "benchmarks.lines", str(few)]

    def read() -> list[float]:
        answer = subprocess.check_output(command, env=os.environ | environment, text=True)
        return list(json.loads(answer))

    return read


def main() -> list[Target]:
    """Compare both ways."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bucket = folder / "s3" / ACCOUNT / BUCKET
        write_objects(bucket)
        with ministack(folder) as url:
            environment = {
                **CLIENT_ENVIRONMENT,
                "AWS_ENDPOINT_URL": url,
                "BENCH_MANIFESTS": str(bucket / manifest_key(APP, "x")).rpartition("/")[0],
            }
            ways = {"manifests": in_a_process(JOBS, environment), "lines": in_a_process(0, environment)}
            figures = in_turns(ways, ROUNDS)
    seconds = medians({way: [one[0] for one in found] for way, found in figures.items()})
    rows = [[way, seconds[way], int(figures[way][0][1]), figures[way][0][2]] for way in ways]
    show(f"{JOBS:,} done jobs", ["read from", "s", "GETs", "peak MB"], rows)
    return [Target("share of the time", seconds["lines"] / seconds["manifests"], at_most=0.3)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read_here(int(sys.argv[1]))
    else:
        sys.exit(finish(main()))
