"""Bundles in hundreds of orders, with kills, freezes and double deliveries: no job is lost or wrongly done.

As in test_turns.py one worker at a time moves, and a seed decides which. Taking, preparing, committing and
settling jobs is the workers' own code; the queue is a list with SQS's rules.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.worker.test_turns import (
    ORIGIN,
    QUICK,
    TERM,
    Bucket,
    InTurn,
    NoInputs,
    Quiet,
    World,
    etag_of,
)
from worker.aws.queue import Message, Queue
from worker.contract.bundles import bodies_in, bundled
from worker.contract.flags import read_flags
from worker.contract.jobs import FailureClass, Job, Outcome, encode_message
from worker.errors import JobFailed, LeaseLost
from worker.job.bundle import Bundle
from worker.job.commit import Committer, Means
from worker.job.finish import Finisher
from worker.job.held import HeldJob
from worker.job.prepare import Preparer
from worker.job.uploads import Parcel, Uploads
from worker.records import records
from worker.records.ledger import Ledger
from worker.records.marks import mark_of
from worker.records.ownership import Ownership, Writer
from worker.records.runbook import RunBook
from worker.records.validity import Today
from worker.storage.outputs import find_outputs
from worker.verdict.verdict import Expected, Verdict

VISIBLE_AGAIN = 180.0
JOBS = [Job({"Number": number}, f"out{number}") for number in range(4)]


@dataclass
class Letter:
    """A message in the queue."""

    body: str
    sent: float
    attributes: dict[str, Any]
    receives: int = 0
    visible_at: float = 0.0


@dataclass
class Line:
    """SQS as far as workers ask it; now and then it delivers what is hidden, or takes only a part."""

    world: World
    letters: dict[str, Letter] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        #: Whether it never takes the first one of what is sent together, as long as the world is rough.
        self.is_full = self.world.chance.random() < 0.2

    def put(self, body: str, attributes: dict[str, Any]) -> None:
        self.made += 1
        self.letters[f"m{self.made}"] = Letter(body, self.world.now, attributes)

    def receive_message(self, **_: Any) -> dict[str, Any]:
        self.world.send()
        chance, now = self.world.chance, self.world.now
        is_odd = self.world.is_rough and chance.random() < 0.05
        there = [name for name, one in self.letters.items() if is_odd or one.visible_at <= now]
        if not there:
            self.world.answer()
            return {}
        name = chance.choice(there)
        letter = self.letters[name]
        letter.receives += 1
        letter.visible_at = now + VISIBLE_AGAIN
        message = {
            "MessageId": name,
            "ReceiptHandle": f"{name} {letter.receives}",
            "Body": letter.body,
            "Attributes": {
                "ApproximateReceiveCount": str(letter.receives),
                "SentTimestamp": str(int(letter.sent * 1000)),
            },
            "MessageAttributes": letter.attributes,
        }
        self.world.answer()
        return {"Messages": [message]}

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:
        self.world.send()
        self.letters.pop(ReceiptHandle.split()[0], None)
        self.world.answer()

    def change_message_visibility(self, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:
        self.world.send()
        if letter := self.letters.get(ReceiptHandle.split()[0]):
            letter.visible_at = self.world.now + VisibilityTimeout
        self.world.answer()

    def send_message_batch(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        self.world.send()
        is_odd = self.world.is_rough and self.world.chance.random() < 0.2
        taken = [entry for entry in Entries if not is_odd or self.world.chance.random() < 0.5]
        if self.world.is_rough and self.is_full:
            taken = taken[1:]
        for entry in taken:
            self.put(entry["MessageBody"], entry["MessageAttributes"])
        self.world.answer()
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]}


class WorldLease:
    """A lease whose heartbeats are sent when it is checked: a worker that is frozen sends none."""

    def __init__(self, world: World, queue: Queue, message: Message) -> None:
        self._world, self._queue, self._message = world, queue, message
        self._renewed_at, self._is_over = world.now, False

    def check(self) -> None:
        if self._is_over:
            return
        if self._world.now - self._renewed_at > 2 * TERM.renew:
            raise LeaseLost
        if self._world.now - self._renewed_at > TERM.renew:
            asked_at = self._world.now
            self._queue.extend(self._message)
            self._renewed_at = asked_at

    def end(self) -> None:
        self._is_over = True


class Place(NoInputs):
    """Stands for a fetcher and for folders: the jobs have no inputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, *_: Any) -> None:
        """Bring nothing."""

    def new_staging(self) -> Path:
        return self.folder


class Lister(Bucket):
    """A bucket that can be listed, too, for failure records: there are none."""

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: iter([{}]))


class Nobody:
    """Stands for a log."""

    def write(self, *_: Any) -> None:
        """Write nothing."""


@dataclass
class OneWorker:
    """A worker that takes a dozen messages, or until it has found none three times."""

    world: World
    bucket: Bucket
    line: Line
    folder: Path
    name: str
    ran: Counter[str]
    number: int = 0

    def __post_init__(self) -> None:
        self.queue = Queue(cast(Any, self.line), cast(Any, self.line), "url", int(VISIBLE_AGAIN))
        s3 = cast(Any, self.bucket)
        self.ledger = Ledger(s3, "bucket", "app")
        ownership = Ownership(s3, self.ledger, RunBook(s3, "bucket", "app"), lambda: 0)
        uploads = Uploads(s3, read_flags(""), ownership, sleep=self.world.sleep)
        uploads._pool = InTurn()  # type: ignore[assignment]
        place = cast(Any, Place(self.folder))
        today = Today("app", "sha", "bucket", Expected(1, 0, ""))
        self.preparer = Preparer(
            self.ledger, place, place, today=today, check_if_done=True, job_retries=10_000
        )
        self.committer = Committer(self.ledger, uploads, TERM, "app", self.world.clock, self.world.sleep)
        settings = SimpleNamespace(
            job_retries=10_000, retry_backoff_seconds=1, expected_number_files=1, min_file_size_bytes=0,
            necessary_string="", heartbeat_seconds=60, visibility_seconds=180,
        )  # fmt: skip
        office = SimpleNamespace(
            settings=settings, queue=self.queue, job_log=Nobody(), ledger=self.ledger, uploads=uploads,
            origin=ORIGIN,
        )  # fmt: skip
        self.finisher = Finisher(cast(Any, office))

    def __call__(self) -> None:
        empty = taken = 0
        while empty < 3 and taken < 12:
            taken += 1
            message = self.queue.receive(0)
            if message is None:
                empty += 1
                self.world.sleep(VISIBLE_AGAIN / 2)
                continue
            for held in self.jobs_in(message):
                self.finisher.settle(held, self.verdict_on(held), check=lambda: None)

    def jobs_in(self, message: Message) -> Iterator[HeldJob]:
        lease, bodies = cast(Any, WorldLease(self.world, self.queue, message)), bodies_in(message.body)
        if bodies == [message.body]:
            yield HeldJob(message, lease)
            return
        bundle = Bundle(self.queue, message, lease, bodies, self.world.now)
        while one := bundle.take():
            yield HeldJob(one, lease, bundle)

    def verdict_on(self, held: HeldJob) -> Verdict:
        try:
            return self.preparer.prepare(held, held.check) or self.run(held)
        except LeaseLost:
            return Verdict(Outcome.LEASE_LOST)
        except JobFailed as error:
            return Verdict(Outcome.FAILED, error.failure, error.sentence)

    def run(self, held: HeldJob) -> Verdict:
        chance, job = self.world.chance, held.job
        assert job is not None
        self.world.sleep(chance.choice([0, 0, 1, 30]))
        held.check()
        if chance.random() < 0.1:
            return Verdict(
                *chance.choice([(Outcome.INTERRUPTED, None), (Outcome.FAILED, FailureClass.STALLED)])
            )
        self.number += 1
        run_id = f"{self.name}-{self.number}"
        held.run_id = run_id
        place = self.folder / run_id
        place.mkdir()
        for file in chance.choice([("a", "b"), ("b", "c"), (f"of-{run_id}",)]):
            (place / f"{file}.csv").write_text(f"{chance.choice(['same', run_id])} {file}")
        prefix = f"{job.output_file_location}/"
        found = find_outputs(place, [], prefix)
        mark = mark_of("app", "bucket", held.job_id, "name", run_id)
        parcel = Parcel("bucket", prefix, found.outputs, Writer(mark, "sha", job.metadata))

        def manifest(sent: list[records.Sent]) -> dict[str, Any]:
            about = {"run_id": run_id, "attempt": held.attempt, "inputs": []}
            return records.manifest(ORIGIN, job, about, destination="bucket", outputs=sent)

        means = Means(manifest, lambda: self.preparer.done_already(held, job, held.check), lambda: None)
        verdict = self.committer.commit(held, parcel, means, held.check)
        self.ran[held.job_id] += verdict.outcome is Outcome.DONE
        return verdict


def wrong(bucket: Bucket, line: Line) -> Iterator[str]:
    """Yield jobs that are neither done as their manifests say, nor in the queue."""
    ledger = Ledger(cast(Any, Quiet(bucket)), "bucket", "app")
    waiting = {json.loads(body)["job_id"] for one in line.letters.values() for body in bodies_in(one.body)}
    for job in JOBS:
        found = ledger.manifest(job.job_id)
        if found is None and job.job_id not in waiting:
            yield f"{job.metadata} is lost"
        for entry in found.document["outputs"] if found and job.job_id not in waiting else ():
            standing = bucket.objects.get(entry["key"])
            if standing is None or etag_of(standing[0]) != entry["etag"]:
                yield f"{entry['key']} is not that of the run {found and found.document['run_id']}"


def alone(jobs: list[Job]) -> Iterator[tuple[str, str]]:
    return ((job.job_id, encode_message(job)) for job in jobs)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_no_job_of_a_bundle_is_lost_or_wrongly_done_in_any_order(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 100):
        world = World(seed)
        bucket, line, ran = Lister(world), Line(world), Counter[str]()
        for _ in range(world.chance.choice([1, 1, 2])):
            for _, body in bundled(alone(JOBS), world.chance.choice([2, 4])):
                line.put(body, {})
        workers: list[Callable[[], None]] = []
        for name in ("w1", "w2", "w3"):
            folder = tmp_path / f"{seed}{name}"
            folder.mkdir()
            workers.append(OneWorker(world, bucket, line, folder, name, ran))
        world.run(workers[: world.chance.choice([2, 3])])
        assert list(wrong(bucket, line)) == [], f"seed {seed}"

        world.kills, world.is_rough, world.steps = 0, False, QUICK
        for round_ in range(9):
            if not line.letters:
                break
            folder = tmp_path / f"{seed}again{round_}"
            folder.mkdir()
            world.now += VISIBLE_AGAIN
            world.run([OneWorker(world, bucket, line, folder, f"again{round_}", ran)])

        assert not line.letters, f"seed {seed}: {line.letters}"
        assert list(wrong(bucket, line)) == [], f"seed {seed}"
