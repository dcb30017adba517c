"""Runs of one job at once, in thousands of orders: what is called done is there as its manifest says.

The runs are those of `worker.job.commit`, each in a thread. One at a time moves: a seed decides which, how
long each request takes, who is frozen, and who is killed. S3 is a dictionary with S3's conditions.
tests/worker/test_deliveries.py and the fault campaign ask an emulator the same, but not in every order.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from worker.aws.queue import Message
from worker.contract.flags import read_flags
from worker.contract.jobs import Job, Outcome, manifest_key
from worker.errors import JobFailed, LeaseLost
from worker.job.claim import Term
from worker.job.commit import Committer, Means
from worker.job.held import HeldJob
from worker.job.prepare import Preparer
from worker.job.uploads import Parcel, Uploads
from worker.records import records
from worker.records.ledger import Ledger
from worker.records.marks import mark_of
from worker.records.ownership import Ownership, Writer
from worker.records.records import Origin
from worker.records.runbook import RunBook
from worker.records.validity import Today
from worker.storage.outputs import find_outputs
from worker.verdict.verdict import Expected

TERM = Term(renew=60, valid=180)
#: A request that has been sent arrives within this time: less than what a turn leaves between one run and the
#: next.
LONGEST_FLIGHT = 50.0
JOB = Job({"Well": "A01"}, "there")
ORIGIN = Origin("app", "script", "sha", "image", "1", {})
MOST_STEPS = 20_000
#: Seconds that may pass from one move to the next.
QUICK, SLOW = [0.0, 0.0, 0.05, 0.05, 0.5, 1.0], [5.0, 40.0, 100.0, 200.0]


class Killed(BaseException):
    """Raised in a run whose machine is gone."""


@dataclass
class Mover:
    """A run's thread: it goes on when it is moved, and not before `ready` or after `latest`."""

    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ready: float = 0.0
    latest: float = float("inf")
    ended: bool = False
    killed: bool = False


class World:
    """Time, and who moves. All of chance comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 1_000_000.0
        self.kills = self.chance.choice([0, 1, 1, 2])
        self.is_rough = self.chance.random() < 0.7
        self.steps = self.chance.choice([QUICK, [*QUICK, *QUICK, *SLOW], [*QUICK, *SLOW], [*QUICK, 200.0]])
        self._movers: dict[int, Mover] = {}
        self._stopped = threading.Semaphore(0)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self._stop(ready=self.now + seconds)

    def send(self) -> None:
        """Let a request travel: others may move meanwhile, but not for ever."""
        self._stop(latest=self.now + LONGEST_FLIGHT)

    def answer(self) -> None:
        """Let an answer travel, and its receiver be frozen now and then for as long as it may be."""
        is_frozen = self.is_rough and self.chance.random() < 0.1
        self._stop(ready=self.now + 250 if is_frozen else 0)

    def _stop(self, ready: float = 0.0, latest: float = float("inf")) -> None:
        mover = self._movers[threading.get_ident()]
        mover.ready, mover.latest = ready, latest
        self._stopped.release()
        mover.go.acquire()
        if mover.killed:
            raise Killed

    def run(self, runs: list[Callable[[], None]]) -> None:
        """Run these to their ends."""
        for one in runs:
            started = threading.Thread(target=self._begin, args=(one,), daemon=True)
            started.start()
            self._stopped.acquire()
        for _ in range(MOST_STEPS):
            living = [mover for mover in self._movers.values() if not mover.ended]
            if not living:
                return
            self._move(living)
        raise AssertionError("the runs do not come to an end")

    def _begin(self, run: Callable[[], None]) -> None:
        mover = self._movers[threading.get_ident()] = Mover()
        self._stopped.release()
        mover.go.acquire()
        try:
            run()
        except Killed:
            pass
        finally:
            mover.ended = True
            del self._movers[threading.get_ident()]
            self._stopped.release()

    def _move(self, living: list[Mover]) -> None:
        limit = min(mover.latest for mover in living)
        later = self.now + self.chance.choice(self.steps)
        self.now = max(self.now, min(later, limit))
        able = [mover for mover in living if mover.ready <= self.now]
        if not able:
            self.now = min(limit, min(mover.ready for mover in living))
            able = [mover for mover in living if mover.ready <= self.now] or living
        due = [mover for mover in living if mover.latest <= self.now]
        one = self.chance.choice(due or able)
        if self.kills and self.chance.random() < 0.08:
            self.kills -= 1
            one.killed = True
        one.go.release()
        self._stopped.acquire()


class Bucket:
    """S3 as far as a job's commit asks it: conditions, ETags, times in whole seconds."""

    def __init__(self, world: World) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str], float]] = {}
        self._world = world

    def put_object(self, *, Key: str, Body: Any, **asked: Any) -> dict[str, Any]:
        body = Body if isinstance(Body, bytes) else Body.read()
        self._world.send()
        standing = self.objects.get(Key)
        if asked.get("IfNoneMatch") and standing:
            raise refusal(412, "PreconditionFailed")
        if asked.get("IfMatch") and not standing:
            raise refusal(404, "NoSuchKey")
        if asked.get("IfMatch") and standing and asked["IfMatch"] != etag_of(standing[0]):
            raise refusal(412, "PreconditionFailed")
        self.objects[Key] = (body, asked.get("Metadata", {}), self._world.now)
        self._world.answer()
        return {"ETag": etag_of(body)}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        answer, body = self._find(Key, "NoSuchKey")
        return {**answer, "Body": BytesIO(body)}

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        return self._find(Key, "404")[0]

    def _find(self, key: str, otherwise: str) -> tuple[dict[str, Any], bytes]:
        self._world.send()
        standing, now = self.objects.get(key), self._world.now
        self._world.answer()
        if standing is None:
            raise refusal(404, otherwise)
        body, metadata, written = standing
        date = format_datetime(datetime.fromtimestamp(int(now), timezone.utc), usegmt=True)
        answer = {
            "ETag": etag_of(body),
            "ContentLength": len(body),
            "Metadata": metadata,
            "LastModified": datetime.fromtimestamp(int(written), timezone.utc),
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }
        return answer, body


def refusal(status: int, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "S3")  # type: ignore[typeddict-item]


def etag_of(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


class InTurn(Executor):
    """Does what it is given at once, in the thread that gives it: that thread alone moves."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class NoInputs:
    """Stands for a fetcher whose job has no inputs."""

    def listed(self, job: Job, check: Callable[[], None]) -> dict[str, str]:
        return {}


def a_run(world: World, bucket: Bucket, folder: Path, name: str, ends: list[Outcome]) -> Callable[[], None]:
    """Return a run of the job with some outputs; it appends how it ended."""
    chance = world.chance
    which = chance.choice(
        [("a", "b", "c"), ("a", "b", "c"), ("b", "c"), (f"of-{name}", "c"), (f"of-{name}",)]
    )
    content = chance.choice(["same", name, name])
    # With a later one, a run looks for markers before it writes its manifest, which takes time.
    attempt = chance.choice([1, 3])
    for file in which:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"{file}.csv").write_text(f"{content} {file}")
    s3 = cast(Any, bucket)
    ledger = Ledger(s3, "bucket", "app")
    ownership = Ownership(s3, ledger, RunBook(s3, "bucket", "app"), lambda: 0)
    uploads = Uploads(s3, read_flags(""), ownership, sleep=world.sleep)
    uploads._pool = InTurn()  # type: ignore[assignment]
    today = Today("app", "sha", "bucket", Expected(1, 0, ""))
    preparer = Preparer(
        ledger, cast(Any, NoInputs()), cast(Any, None), today=today, check_if_done=True, job_retries=3
    )
    committer = Committer(ledger, uploads, TERM, "app", world.clock, world.sleep)

    def run() -> None:
        message = Message("message", name, "{}", attempt=1, sent_at=0)
        held = HeldJob(message, cast(Any, None), job_id=JOB.job_id, job=JOB, run_id=name)
        world.sleep(chance.choice([0, 0, 1, 30, 200]))
        found = find_outputs(folder / name, [], "there/")
        mark = mark_of("app", "bucket", JOB.job_id, "Well=A01", name)
        parcel = Parcel("bucket", "there/", found.outputs, Writer(mark, "sha", JOB.metadata))

        def manifest(sent: list[records.Sent]) -> dict[str, Any]:
            about = {"run_id": name, "attempt": attempt, "inputs": []}
            return records.manifest(ORIGIN, JOB, about, destination="bucket", outputs=sent)

        means = Means(manifest, lambda: preparer.done_already(held, JOB, lambda: None), lambda: None)
        try:
            ends.append(committer.commit(held, parcel, means, lambda: None).outcome)
        except (LeaseLost, JobFailed):
            ends.append(Outcome.FAILED)

    return run


def broken(bucket: Bucket) -> Iterator[str]:
    """Yield what is not as the job's manifest says."""
    ledger = Ledger(cast(Any, Quiet(bucket)), "bucket", "app")
    found = ledger.manifest(JOB.job_id)
    if found is None:
        yield f"no {manifest_key('app', JOB.job_id)}"
        return
    for entry in found.document["outputs"]:
        standing = bucket.objects.get(entry["key"])
        if standing is None or etag_of(standing[0]) != entry["etag"]:
            yield f"{entry['key']} is not that of the run {found.document['run_id']}"


class Quiet(Bucket):
    """A bucket that is looked at when nobody moves any more."""

    def __init__(self, bucket: Bucket) -> None:
        self.objects = bucket.objects
        self._world = cast(World, self)

    now = 0.0

    def send(self) -> None:
        """Take no time."""

    answer = send


@pytest.mark.parametrize("start", range(0, 1_000, 250))
def test_what_is_called_done_is_as_its_manifest_says_in_every_order(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 250):
        check_an_order(tmp_path, seed)


@pytest.mark.parametrize("seed", [1335, 2546, 2694])
def test_a_run_that_is_frozen_just_before_its_manifest_does_not_write_it_late(
    tmp_path: Path, seed: int
) -> None:
    """It has looked at its turn, then for markers; meanwhile another has replaced its outputs and died."""
    check_an_order(tmp_path, seed)


def check_an_order(tmp_path: Path, seed: int) -> None:
    world = World(seed)
    bucket = Bucket(world)
    ends: list[Outcome] = []
    folder = tmp_path / str(seed)
    folder.mkdir()
    runs = [
        a_run(world, bucket, folder, f"run{number}", ends) for number in range(world.chance.choice([2, 3]))
    ]
    world.run(runs)

    if not {Outcome.DONE, Outcome.SKIPPED} & set(ends):
        # Nobody has deleted the message, so it comes again, on a better day.
        world.kills, world.is_rough, world.steps = 0, False, QUICK
        world.run([a_run(world, bucket, folder, "again", ends)])

    assert {Outcome.DONE, Outcome.SKIPPED} & set(ends), f"seed {seed}: {ends}"
    assert list(broken(bucket)) == [], f"seed {seed}: {ends}"
