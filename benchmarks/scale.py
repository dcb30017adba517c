"""Looks at 10,000, 100,000 and 1,000,000 jobs, before and after: seconds, memory, requests, and wrong counts.

An account is made up in a process of its own (`benchmarks.account`), and each look is one of a fresh process,
which includes reading the submission. "Before" is commit 002161f, taken from git; without git, only this
version is measured. Then fifty small worlds are counted, and compared with a plain count of their truth.
SIZES="10000 100000" selects.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks import account
from benchmarks.account import Account
from benchmarks.common import CHECKOUT, Target, finish, show, versions
from distributed_fiji.aws.clients import Clients
from distributed_fiji.janitor.package import build_package
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.openruns import open_run
from distributed_fiji.state.record import new_run
from tests.emulators import CLIENT_ENVIRONMENT, control_plane, free_port
from tests.monitor.builders import EmulatedSession, a_run
from tests.monitor.crowd import APP, BUCKET, CREATED, STARTED, World

#: Run as a file: in its folder are modules that have the names of the product's.
LOOKS_FILE, ROUND_FILE = (CHECKOUT / "benchmarks" / name for name in ("looks.py", "lambdaround.py"))
BEFORE = "002161f"
SIZES = (10_000, 100_000, 1_000_000)
#: A round of the janitor from the package that startCluster uploads, alone in its process.
LAMBDA = "janitor's package"
#: What is measured, and the share of the jobs that are done meanwhile.
LOOKS = {"look": 0.6, "status": 0.6, "janitor": 0.6, LAMBDA: 0.6, "end": 1.0}
WORLDS = 50
#: Peak MB and seconds of a look at a million jobs (issue 17).
MOST_MB, MOST_SECONDS = 400.0, 60.0


@dataclass(frozen=True)
class Look:
    """One look: its figures, its requests (LIST, SQS), and how many jobs it counted wrongly."""

    seconds: float
    cpu: float
    peak: float
    asked: tuple[int, int]
    wrong: int


@contextmanager
def serving(made: Account) -> Iterator[str]:
    """Run a made-up account in a process of its own; yield its URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.account", str(port), str(made.jobs), str(made.share)]
    with subprocess.Popen(command, cwd=CHECKOUT) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url
        finally:
            server.kill()


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            asked(url)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"no account at {url}")


def asked(url: str) -> dict[str, int]:
    """Return how often the account was asked since the last time."""
    with urllib.request.urlopen(f"{url}/count", timeout=60) as answer:
        found: dict[str, int] = json.loads(answer.read())
    return found


@contextmanager
def with_run(url: str) -> Iterator[dict[str, str]]:
    """Let the account have an open run; yield the environment of its janitor."""
    with (
        tempfile.TemporaryDirectory() as folder,
        control_plane(Path(folder), LOCAL_DATA_PLANE=url) as control,
    ):
        session = EmulatedSession(control, url)
        run = a_run(Clients(session), account.APP, bucket=account.BUCKET)
        open_run(run.clients.s3, run.record)
        janitor = {"APP_NAME": account.APP, "STATE_BUCKET": account.BUCKET, "AWS_REGION": session.region_name}
        yield {**os.environ, **CLIENT_ENVIRONMENT, **session.environment, **janitor}


def look(what: str, product: Path, truth: dict[str, int], url: str, environment: dict[str, str]) -> Look:
    """Look once with a version of the product."""
    asked(url)
    file = ROUND_FILE if what == LAMBDA else LOOKS_FILE
    program = f"import runpy; runpy.run_path({str(file)!r}, run_name='__main__')"
    said = subprocess.run(
        [sys.executable, "-c", program, what, url],
        cwd=product,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found = json.loads(said.stdout)
    wrong = sum(abs(count - truth[name]) for name, count in found["counts"].items() if name in truth)
    requests = asked(url)
    both = requests.get("LIST", 0), requests.get("SQS", 0)
    return Look(found["seconds"], found["cpu"], found["peak"], both, wrong)


def measured(
    products: dict[str, Path], packed: Path, sizes: list[int]
) -> Iterator[tuple[int, str, str, Look]]:
    """Yield jobs, what was measured, which version, and the figures. `packed`: the Lambda's files."""
    for jobs in sizes:
        for share in sorted(set(LOOKS.values())):
            made = Account(jobs, share)
            with serving(made) as url, with_run(url) as environment:
                for what in (what for what, its in LOOKS.items() if its == share):
                    for name, product in ({"after": packed} if what == LAMBDA else products).items():
                        yield jobs, what, name, look(what, product, made.truth, url, environment)


def miscounted() -> int:
    """Return how many jobs were counted wrongly in all small worlds."""
    settings = {"APP_NAME": APP, "AWS_BUCKET": BUCKET, "SCRIPT_DOWNLOAD_URL": "s3://b/m.ijm"}
    run = new_run(parse_settings(settings)[0], started=STARTED, run_id="", local=False)
    wrong = 0
    for seed in range(WORLDS):
        world = World(seed)
        clients: Any = SimpleNamespace(s3=world.store, sqs=world.letters)
        found, truth = Observer(run, clients).read_jobs({"CreatedTimestamp": str(CREATED)}), world.truth()
        for one in ("done_ids", "dead", "unaccounted", "failing", "outdated", "to_check"):
            wrong += len(set(getattr(found, one)) ^ set(getattr(truth, one)))
    return wrong


def main() -> list[Target]:
    """Measure, print the table."""
    sizes = [int(size) for size in os.environ.get("SIZES", "").split()] or list(SIZES)
    with (
        versions(BEFORE, "distributed_fiji", "worker") as products,
        tempfile.TemporaryDirectory() as packed,
    ):
        zipfile.ZipFile(io.BytesIO(build_package())).extractall(packed)
        found = list(measured(products, Path(packed), sizes))
    header = ["jobs", "what", "version", "s", "CPU s", "peak MB", "LIST", "SQS", "wrong"]
    rows = [
        [f"{jobs:,}", what, name, one.seconds, one.cpu, f"{one.peak:.0f}", *one.asked, one.wrong]
        for jobs, what, name, one in found
    ]
    show("looks at many jobs", header, rows)
    after = [(jobs, what, one) for jobs, what, name, one in found if name == "after"]
    targets = [
        target
        for jobs, what, one in after
        for target in (
            Target(f"{jobs:,} jobs, {what}: peak", one.peak, " MB", at_most=MOST_MB),
            Target(f"{jobs:,} jobs, {what}", one.seconds, " s", at_most=MOST_SECONDS),
        )
    ]
    targets.append(Target("jobs counted wrongly", sum(one.wrong for *_, one in after), at_most=0))
    return [*targets, Target(f"jobs counted wrongly in {WORLDS} worlds", miscounted(), at_most=0)]


if __name__ == "__main__":
    sys.exit(finish(main()))
