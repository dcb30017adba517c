"""Files of 100 kB in and out: the worker's transfers against `aws s3 cp --recursive`, and s5cmd by itself.

All on the same emulator: as far away as AWS is, and on this machine, where its own time counts most. The
worker's time includes what it does beyond: the listing before, checksums of every file, the check of what
stands afterwards.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from benchmarks.common import Target, finish, in_turns, medians, seconds_of, show
from benchmarks.distance import ministack
from tests import emulators
from tests.worker.harness import REGION, Cloud, connect
from worker.contract.flags import read_flags
from worker.job.claim import FirstTurn, Term
from worker.job.held import HeldJob
from worker.job.uploads import Parcel, Uploads
from worker.records.ledger import Ledger
from worker.records.marks import mark_of
from worker.records.ownership import Ownership, Writer
from worker.records.runbook import RunBook
from worker.storage import s3 as store
from worker.storage.addresses import names_below
from worker.storage.bulk import Batch, Bulk, find_program, s5cmd_binary
from worker.storage.cache import Cache
from worker.storage.downloads import Downloads
from worker.storage.outputs import find_outputs

FILES = 1_000
BYTES = 100_000
ROUNDS = 5
LATENCY_MS = 20
BUCKET = "bench"


class Place:
    """An emulator, `count` files on disk and in the bucket, and every way to bring them to and fro."""

    def __init__(self, cloud: Cloud, root: Path, count: int) -> None:
        self._cloud = cloud
        self._root = root / str(count)
        self._source = self._root / "source"
        self._source.mkdir(parents=True)
        for number in range(count):
            (self._source / f"{number:05}.bin").write_bytes(os.urandom(BYTES))
        self._names = [path.name for path in self._source.iterdir()]
        self._from = f"{count}/source/"
        self.by_program = Downloads(cloud.s3, Bulk(cloud.url, self._root, s5cmd_binary(), None))
        self.in_process = Downloads(cloud.s3, Bulk(cloud.url, self._root, None, None))
        ledger = Ledger(cloud.s3, BUCKET, "bench")
        ownership = Ownership(cloud.s3, ledger, RunBook(cloud.s3, BUCKET, "bench"), time.time)
        self._uploads = Uploads(cloud.s3, read_flags(""), ownership)
        # The usual case; it needs no job until it is given up, and no lease at all.
        self._turn = FirstTurn(ledger, cast(HeldJob, None), Term(renew=3600, valid=10_800))
        self._rounds = itertools.count()
        self.send(self._from)

    def aws(self, *words: str) -> None:
        """Run `aws s3` on the emulator."""
        command = [find_program("aws") or "aws", "--endpoint-url", self._cloud.url, "s3", *words]
        subprocess.run([*command, "--only-show-errors"], check=True)

    def s5cmd(self, *words: str) -> None:
        """Run s5cmd on the emulator."""
        command = [s5cmd_binary() or "s5cmd", "--log", "error", "--endpoint-url", self._cloud.url, *words]
        subprocess.run(command, check=True)

    def send(self, prefix: str) -> None:
        """Send all files as the worker sends outputs."""
        found = find_outputs(self._source, [self._source], prefix)
        writer = Writer(mark_of("bench", BUCKET, self._root.name, "a benchmark", "run"), "", {})
        self._uploads.send(Parcel(BUCKET, prefix, found.outputs, writer), self._turn, go_on)

    def send_anew(self) -> None:
        """Send all files to keys that are new, as the outputs of a job are."""
        self.send(f"{self._root.name}/worker/{next(self._rounds)}/")

    def fetch_by(self, downloads: Downloads, cache: Cache | None = None) -> None:
        """Fetch and lend all files as the worker does a prefix: by a new cache, or one that has them."""
        objects = names_below(self._from, store.list_objects(self._cloud.s3, BUCKET, self._from))
        cache = cache or Cache(self.fresh("cache"), downloads)
        batch = Batch(BUCKET, self._from, self._root, list(objects), whole=True)
        loan = cache.bring(batch, objects, Path("objects"), go_on)
        loan.restore(go_on)
        loan.move_into(self._root)
        assert len(list((self._root / "objects").iterdir())) == len(self._names)
        loan.end()

    def fresh(self, name: str) -> Path:
        """Return an empty folder."""
        folder = self._root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def up(self) -> dict[str, Callable[[], object]]:
        """Return the ways to send."""
        to = f"s3://{BUCKET}/{self._root.name}"
        return {
            "aws s3 cp --recursive": partial(self.aws, "cp", str(self._source), f"{to}/aws/", "--recursive"),
            "s5cmd alone": partial(self.s5cmd, "cp", f"{self._source}/", f"{to}/s5cmd/"),
            "worker": self.send_anew,
        }

    def down(self) -> dict[str, Callable[[], object]]:
        """Return the ways to fetch."""
        source = f"s3://{BUCKET}/{self._from}"
        return {
            "aws s3 cp --recursive": lambda: self.aws("cp", source, str(self.fresh("aws")), "--recursive"),
            "s5cmd alone": lambda: self.s5cmd("cp", f"{source}*", f"{self.fresh('s5cmd')}/"),
            "worker": partial(self.fetch_by, self.by_program),
            "worker, in process": partial(self.fetch_by, self.in_process),
        }

    def again(self) -> dict[str, Callable[[], object]]:
        """Return the ways to fetch what is there already."""
        source, folder = f"s3://{BUCKET}/{self._from}", str(self.fresh("there"))
        self.aws("sync", source, folder)
        cache = Cache(self.fresh("kept"), self.by_program)
        self.fetch_by(self.by_program, cache)
        return {
            "aws s3 cp --recursive": partial(self.aws, "sync", source, folder),
            "s5cmd alone": partial(self.s5cmd, "sync", f"{source}*", f"{folder}/"),
            "worker": partial(self.fetch_by, self.by_program, cache),
        }


def go_on() -> None:
    """Break off nothing."""


def main() -> list[Target]:
    """Measure and print a table for each distance; the target is for 1,000 files at AWS's."""
    # The programs find their keys and their region in the environment, as in the image.
    os.environ.update(emulators.CLIENT_ENVIRONMENT, AWS_REGION=REGION)
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder), LATENCY_MS) as emulator:
        connect(emulator.near).s3.create_bucket(Bucket=BUCKET)
        seconds = tabulate(f"{LATENCY_MS} ms a request", connect(emulator.far), Path(folder) / "far")
        tabulate("on this machine", connect(emulator.near), Path(folder) / "near")
    # Three times were asked for each way; outputs gave that up for conditional writes (docs/performance.md).
    return [
        Target(
            f"{FILES} files {way}: aws s3 cp / worker", ratio(seconds[f"{FILES} {way}"]), "x", at_least=least
        )
        for way, least in (("out", 1.3), ("in", 3))
    ]


def tabulate(distance: str, cloud: Cloud, root: Path) -> dict[str, dict[str, float]]:
    """Measure all ways at one distance; print the table, return its seconds by row and way."""
    large = Place(cloud, root, FILES)
    seconds = {f"{FILES} out": measure(large.up()), f"{FILES} in": measure(large.down())}
    seconds[f"{FILES} in, nothing new"] = measure(large.again())
    for count in (3, 12, 24, 48):
        few = Place(cloud, root, count)
        seconds |= {f"{count} out": measure(few.up()), f"{count} in": measure(few.down())}
    ways = list(seconds[f"{FILES} in"])
    rows = [[what, *(by_way.get(way, "") for way in ways), ratio(by_way)] for what, by_way in seconds.items()]
    title = f"Files of {BYTES // 1000} kB, {distance}: seconds, medians of {ROUNDS}"
    show(title, ["files", *ways, "aws / worker"], rows)
    return seconds


def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return each way's median seconds."""
    return medians(in_turns({name: partial(seconds_of, way) for name, way in ways.items()}, ROUNDS))


def ratio(by_way: dict[str, float]) -> float:
    """Return how many times longer `aws` takes than the worker."""
    return by_way["aws s3 cp --recursive"] / by_way["worker"]


if __name__ == "__main__":
    sys.exit(finish(main()))
