"""makeJob over 100,000 keys: 100,000 jobs of one image, and 12,500 jobs of eight.

`run.py makeJob` whole, in a process of its own, against an emulator on loopback; a proxy counts the requests.
The peak memory is that of the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from benchmarks.common import Target, finish, seconds_of, show
from distributed_fiji.aws.buckets import list_keys
from tests.emulators import CLIENT_ENVIRONMENT, calls_through, microburst, ministack

CHECKOUT = Path(__file__).resolve().parents[1]
BUCKET, ACCOUNT, KEYS, SITES = "bench-bucket", "000000000000", 100_000, 8
PATTERN = "plates/{Plate}/{Well}_s{Site:d}.tif"


@dataclass(frozen=True)
class Made:
    """One run of the command: seconds by the clock and of its own CPU, peak memory, requests, and the job
    file's groups.
    """

    seconds: float
    cpu: float
    peak_mb: float
    requests: int
    groups: int


def well(number: int) -> str:
    """Return plate and well of a number, 384 wells a plate."""
    plate, place = divmod(number, 384)
    return f"P{plate:04}/{chr(ord('A') + place // 24)}{place % 24 + 1:02}"


def write_objects(folder: Path, content: bytes = b"") -> None:
    """Write the objects as files, which the emulator takes up when it starts: eight sites a well."""
    for number in range(KEYS):
        path = folder / f"{well(number // SITES)}_s{number % SITES + 1}.tif"
        if number % SITES == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def emulated(content: bytes = b"") -> Iterator[tuple[Path, str]]:
    """Start an emulator that holds the objects, and a proxy before it; yield a folder and the proxy."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        write_objects(folder / "s3" / ACCOUNT / BUCKET / "plates", content)
        (folder / "config.py").write_text(
            f"APP_NAME = 'Bench'\nAWS_BUCKET = {BUCKET!r}\nSCRIPT_DOWNLOAD_URL = 'a.ijm'\n"
        )
        data = stack.enter_context(ministack(folder, "s3,sts"))
        yield folder, stack.enter_context(microburst(folder, data))


def measured(folder: Path, proxy: str, per: str) -> Made:
    """Run the command; return what it took."""
    target, before = folder / f"{per}.json", calls_through(proxy)
    command = [sys.executable, "run.py", "--config", str(folder / "config.py"), "makeJob"]
    command += [f"s3://{BUCKET}/{PATTERN}", "--per", per, "--to", str(target)]
    environment = {**os.environ, **CLIENT_ENVIRONMENT, "AWS_ENDPOINT_URL": proxy}
    began = time.perf_counter()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"makeJob ended with status {status}: {(folder / 'said').read_text()}")
    groups = len(json.loads(target.read_text(encoding="utf-8"))["groups"])
    cpu = usage.ru_utime + usage.ru_stime
    return Made(seconds, cpu, usage.ru_maxrss / 1024, calls_through(proxy) - before, groups)


def bare_listing(proxy: str) -> None:
    """List all keys and do nothing else: what of the seconds is the emulator's and boto3's."""
    s3 = boto3.client("s3", endpoint_url=proxy, region_name="us-east-1", aws_access_key_id="testing",
                      aws_secret_access_key="testing")  # fmt: skip
    for _ in list_keys(s3, BUCKET, PATTERN.partition("{")[0]):
        pass


def main() -> list[Target]:
    """Measure both, print the table."""
    jobs = {"Plate,Well,Site": KEYS, "Plate,Well": KEYS // SITES}
    with emulated() as (folder, proxy):
        listing = seconds_of(lambda: bare_listing(proxy))
        made = {per: measured(folder, proxy, per) for per in jobs}
    show(
        f"`run.py makeJob` over {KEYS:,} keys on loopback, whole; listing alone {listing:.1f} s",
        ["a job for each", "jobs", "seconds", "CPU seconds", "peak MB", "requests"],
        [[per, one.groups, one.seconds, one.cpu, one.peak_mb, one.requests] for per, one in made.items()],
    )
    return [
        target
        for per, one in made.items()
        for target in (
            Target(f"{per}: jobs", one.groups, at_least=jobs[per], at_most=jobs[per]),
            Target(f"{per}: makeJob", one.seconds, " s", at_most=20),
            Target(f"{per}: requests", one.requests, at_most=110),
            Target(f"{per}: peak memory", one.peak_mb, " MB", at_most=300),
        )
    ]


if __name__ == "__main__":
    sys.exit(finish(main()))
