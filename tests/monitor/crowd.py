"""Many jobs in small made-up worlds: what S3 and SQS would answer, and a plain count of the truth beside it.

Time is not ours in an emulator, and a manifest's time decides whether it counts, so S3 and SQS are a list of
objects and a list of messages here. A page has fewer names than S3's, so that a small world has many pages.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from distributed_fiji.monitor.snapshot import Jobs
from worker.contract.bundles import ATTEMPTS, FIRST_SENT, bodies_in, bundled
from worker.contract.jobs import (
    WARNINGS,
    WITHOUT_OUTPUTS,
    Job,
    decode_message,
    encode_message,
    failure_key,
    manifest_key,
    state_key,
)

APP = "Crowd"
BUCKET = "crowd"
#: When the queue before this one, this one and the run began (seconds since 1970).
BEFORE, CREATED, STARTED = 1_000_000, 2_000_000, 2_100_000
#: People's and programs' own files, in any of our folders.
FOREIGN = ("", ".DS_Store", "README.txt", "notes/a.json", "0123.json", "ABCDEF0123456789.json", "zz.json")


class NotThere(Exception):
    """Raised where S3 has no such key, or SQS no such queue."""


@dataclass
class Store:
    """An S3 that lists and reads. `objects`: time, size and body by key. `lists`: how often it was asked."""

    page: int = 25
    objects: dict[str, tuple[float, int, bytes]] = field(default_factory=dict)
    lists: int = 0
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(NoSuchKey=NotThere))

    def put(self, key: str, written: float, body: bytes = b"{}") -> None:
        self.objects[key] = (written, len(body), body)

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise NotThere
        return {"Body": SimpleNamespace(read=lambda _most: self.objects[Key][2])}

    def list_objects_v2(self, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        self.lists += 1
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > ContinuationToken)
        here, more = keys[: self.page], len(keys) > self.page
        found = [
            {
                "Key": key,
                "ETag": str(hash(self.objects[key])),
                "LastModified": datetime.fromtimestamp(int(self.objects[key][0]), timezone.utc),
                "Size": self.objects[key][1],
            }
            for key in here
        ]
        token = {"NextContinuationToken": here[-1]} if more else {}
        return {"IsTruncated": more, **({"Contents": found} if found else {}), **token}

    def get_paginator(self, _operation: str) -> Any:
        return SimpleNamespace(paginate=self._paginate)

    def _paginate(self, Bucket: str, Prefix: str) -> Iterable[dict[str, Any]]:
        page = self.list_objects_v2(Bucket, Prefix)
        yield page
        while page["IsTruncated"]:
            page = self.list_objects_v2(Bucket, Prefix, page["NextContinuationToken"])
            yield page


@dataclass
class Letters:
    """An SQS with a queue and one of dead letters, each received once until it is shown again.

    `sent`: their bodies, and when they were sent: every third one by a worker, which found it in a bundle
    that was sent at that time. `life`: when the queue was created; 0 if there is none.
    """

    own: bool = True
    life: int = CREATED
    sent: list[tuple[str, float]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    hidden_for: int = 0
    lock: Any = field(default_factory=threading.Lock)
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(QueueDoesNotExist=NotThere))

    def get_queue_url(self, QueueName: str) -> dict[str, str]:
        if QueueName == f"{APP}Queue" and not self.life:
            raise NotThere
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        counts = {"ApproximateNumberOfMessages": len(self.sent), "ApproximateNumberOfMessagesNotVisible": 0}
        found = counts | {"CreatedTimestamp": self.life}
        return {"Attributes": {name: str(value) for name, value in found.items()}}

    def list_queue_tags(self, QueueUrl: str) -> dict[str, Any]:
        return {"Tags": {"distributed-fiji:app": APP if self.own else "Another"}}

    def receive_message(self, QueueUrl: str, VisibilityTimeout: int, **_: Any) -> dict[str, Any]:
        with self.lock:
            self.hidden_for = VisibilityTimeout
            there = [number for number in range(len(self.sent)) if str(number) not in self.hidden][:10]
            self.hidden |= set(map(str, there))
        return {"Messages": [self._message(number) for number in there]}

    def _message(self, number: int) -> dict[str, Any]:
        body, sent = self.sent[number]
        later, attributes = 0, {}
        if number % 3 == 2:
            later, said = 50_000, {FIRST_SENT: str(sent), ATTEMPTS: "1"}
            attributes = {name: {"DataType": "String", "StringValue": text} for name, text in said.items()}
        return {
            "MessageId": str(number),
            "ReceiptHandle": str(number),
            "Body": body,
            "Attributes": {
                "SentTimestamp": str(int((sent + later) * 1000)),
                "ApproximateReceiveCount": "3",
            },
            "MessageAttributes": attributes,
        }

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        with self.lock:
            self.hidden -= {entry["ReceiptHandle"] for entry in Entries}


@dataclass
class World:
    """A run's state, and what is true of it.

    `submitted`: when each job was last submitted, in each life of the queue. `manifests`, `failures`: when
    they were written. `incomplete`: how many submissions of this life are.
    """

    seed: int
    store: Store = field(default_factory=Store)
    letters: Letters = field(default_factory=Letters)
    submitted: dict[int, dict[str, float]] = field(default_factory=lambda: {BEFORE: {}, CREATED: {}})
    manifests: dict[str, float] = field(default_factory=dict)
    failures: list[tuple[str, float]] = field(default_factory=list)
    marked: dict[str, set[str]] = field(default_factory=lambda: {WARNINGS: set(), WITHOUT_OUTPUTS: set()})
    incomplete: int = 0

    def __post_init__(self) -> None:
        chance = self.chance = random.Random(self.seed)
        self.letters.own = chance.random() < 0.8
        count = chance.choice((3, 60, 400, 1500))
        known = [Job({"Number": number}, f"{self.seed}") for number in range(count + chance.randrange(40))]
        self._messages = {job.job_id: encode_message(job) for job in known}
        names = list(self._messages)
        jobs, unnamed = names[:count], names[count:]
        self._submit("a", BEFORE, BEFORE + 5, chance.sample(jobs, len(jobs) // 2))
        if chance.random() < 0.9:
            self._submit("b", CREATED, CREATED + 5.5, jobs)
        if chance.random() < 0.6:
            some = chance.sample(jobs, len(jobs) // 3)
            self._submit("c", CREATED, STARTED + 500.25, some, complete=chance.random() < 0.5)
        for job in [*jobs, *unnamed]:
            self._live(job)
        if chance.random() < 0.4:
            self._bundle_letters()
        for folder in ("manifests", "failures", WARNINGS, WITHOUT_OUTPUTS, "submissions"):
            for name in FOREIGN:
                self.store.put(state_key(APP, folder, name), STARTED + 900)
        for number in range(chance.randrange(4)):
            self._fail(f"rejected-{number:016x}", 1, chance.choice((BEFORE, STARTED + 700)))

    def _bundle_letters(self) -> None:
        """Let letters have been in bundles that nobody could take apart."""
        ids = [(decode_message(body).job_id, body) for body, _ in self.letters.sent]
        bundles = [body for _, body in bundled(ids, self.chance.choice((2, 5)))]
        times = [self.letters.sent[place][1] for place in range(len(bundles))]
        self.letters.sent = list(zip(bundles, times, strict=True))

    def submit_again(self) -> None:
        """Submit one of the jobs once more."""
        self._submit("d", CREATED, STARTED + 800, list(self._messages)[:1])

    def _submit(self, name: str, life: int, time: float, jobs: list[str], *, complete: bool = True) -> None:
        document = {
            "submission_id": name,
            "job_file": f"{name}.json",
            "queue_created": str(life),
            "submitted_at": time,
            "job_ids": jobs,
            "complete": complete,
        }
        self.store.put(state_key(APP, "submissions", f"{name}.json"), time, json.dumps(document).encode())
        self.submitted[life] |= dict.fromkeys(jobs, time)
        self.incomplete += not complete

    def _live(self, job: str) -> None:
        """Let a job have failed, been killed, been given up and be done, before and after its submission."""
        chance = self.chance
        last = int(self.submitted[CREATED].get(job, STARTED))
        if chance.random() < 0.1:
            for attempt in range(1, chance.randrange(2, 5)):
                self._fail(job, attempt, last + chance.choice((-400, 0, 30)) + attempt)
        if chance.random() < 0.02:
            self.letters.sent.append((self._messages[job], last + chance.choice((-400, -1, 0, 40)) + 0.5))
        if chance.random() < 0.8:
            self.manifests[job] = last + chance.choice((-10_000, -1, 0, 1, 50, 50, 50, 50))
            self.store.put(manifest_key(APP, job), self.manifests[job])
        for kind, jobs in self.marked.items():
            if chance.random() < 0.05:
                is_withdrawn = chance.random() < 0.3
                self.store.put(state_key(APP, kind, f"{job}.json"), last, b"" if is_withdrawn else b"{}")
                jobs |= set() if is_withdrawn else {job}

    def _fail(self, job: str, attempt: int, time: float) -> None:
        self.failures.append((job, time))
        self.store.put(failure_key(APP, job, attempt), time)

    def truth(self, life: int = CREATED) -> Jobs:
        """Count one lifetime of the queue plainly, one set after another."""
        when = self.submitted[life]

        def since(job: str) -> int:
            return int(when.get(job, STARTED))

        fresh = {job for job, time in self.manifests.items() if time >= since(job)}
        done = fresh & when.keys()
        letters = ((body, time) for whole, time in self.letters.sent for body in bodies_in(whole))
        sent = ((decode_message(body).job_id, time) for body, time in letters)
        dead = {job for job, time in sent if job in when and time >= max(life, when[job] - 300)} - done
        warned, empty = (jobs & fresh for jobs in self.marked.values())
        return Jobs(
            submitted=frozenset(when),
            done_ids=frozenset(done),
            dead=frozenset(dead),
            others=len(fresh - done),
            dead_letters=len(self.letters.sent) if self.letters.own else len(dead),
            failed_attempts=sum(time >= since(job) for job, time in self.failures),
            outdated=frozenset(self.manifests.keys() & when.keys() - done),
            failing=frozenset(job for job, time in self.failures if job not in fresh and time >= since(job)),
            warned=len(warned),
            without_outputs=len(empty),
            to_check=frozenset(warned | empty),
            last_done=max((self.manifests[job] for job in fresh), default=0.0),
            last_failed=max((time for job, time in self.failures if time >= since(job)), default=0.0),
        )
