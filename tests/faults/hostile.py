"""R20: foreign objects in the run's state, and garbled answers from SQS.

Finder files, folder markers, truncated objects, JSON designed to break a reader, wrong types, another app's
records: the worker still does its jobs, and monitor and janitor ignore all of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.state.openruns import open_run
from tests.faults.audit import audit
from tests.faults.broken import WRONG, broken_bodies
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.faults.serving import TARGET, Answer, SqsProxy
from tests.monitor.builders import ARun, SteppedClock, a_run, some_jobs
from tests.monitor.conftest import emulators
from tests.monitor.screen import watch
from tests.worker import harness
from tests.worker.harness import a_job, submit
from worker.contract.jobs import Job, claim_key, failure_key, manifest_key, state_key

#: Names that file systems and consoles leave behind.
STRAY = (".DS_Store", "", "folder/", "._half.json", "Thumbs.db", "a b.json", "..json", "sub/x.json", "ü.json")

FOLDERS = ("manifests", "failures", "submissions", "names", "warnings", "without-outputs", "claims")


def with_wrong_fields(document: dict[str, Any], chance: random.Random) -> Iterator[bytes]:
    """Yield a document repeatedly, each time with fields of the wrong type."""
    while True:
        wrong = {name: chance.choice(WRONG) for name in chance.sample(sorted(document), 2)}
        yield json.dumps({**document, **wrong, "unknown": {"field": []}}).encode()


def hostile_state(ground: Ground, *, objects: int, jobs: int, workers: int, garbled: int) -> Report:
    """Put hostile objects into runs' state. Every job is done, and every run ends as it should."""
    report = Report()
    chance = ground.chance("R20")
    _before_workers(ground, report, chance, objects=objects, jobs=jobs, workers=workers)
    _garbled_answers(ground, report, chance, answers=garbled, jobs=jobs)
    _before_users(ground, report, chance, objects=objects)
    return report


def _before_workers(
    ground: Ground, report: Report, chance: random.Random, *, objects: int, jobs: int, workers: int
) -> None:
    """Give workers hostile manifests, claims and failure records of their own jobs, and stray ones."""
    with ground.run("hostile", retries=3) as run:
        flags = run.folder / "flags"
        flags.mkdir()
        # Every second one fails once, so that its failure records are read.
        sent = [
            a_job(number, once=str(flags / str(number)), fail="script_error") if number % 2 else a_job(number)
            for number in range(jobs)
        ]
        for number, (key, body) in enumerate(_of_jobs(run.app_name, sent, chance)):
            if number >= objects:
                break
            run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=body)
            report.injected["in a worker's way"] += 1
        submit(run, sent)
        for _ in range(workers):
            harness.start_worker(run)
        harness.wait_until_settled(run, 60 + 5 * jobs)
        report.expect(all(worker.process.poll() is None for worker in run.workers), "a worker has ended")
        finish(run, 30)
        for key in harness.keys(run, state_key(run.app_name, "manifests")):
            if not any(key == manifest_key(run.app_name, job.job_id) for job in sent):
                run.cloud.s3.delete_object(Bucket=run.bucket, Key=key)
        audit(run, sent, report)
        report.expect(report.outcomes["done"] == jobs, f"{report.outcomes['done']} of {jobs} jobs are done")


def _of_jobs(app: str, jobs: list[Job], chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield objects in the place of jobs' state: broken, with wrong fields, or stray."""
    broken = broken_bodies()
    manifest = {
        "job_id": jobs[0].job_id,
        "job": {"Metadata": {}, "output_file_location": "", "shared_metadata": {}, "inputs": []},
        "app_name": app,
        "script_sha256": "0" * 64,
        "destination": app,
        "outputs": [{"key": "a", "bytes": 1, "etag": "x"}],
        "inputs": [],
        "time_seconds": time.time() + 1e6,
        "run_id": "1",
    }
    claim = {"run_id": "other", "valid_seconds": 0, "over": True, "time_seconds": 0}
    failure = {
        "class": "script error",
        "sentence": "s",
        "script_sha256": "0",
        "time_seconds": 1e10,
        "line": 1,
    }
    wrong = [with_wrong_fields(document, chance) for document in (manifest, claim, failure)]
    while True:
        job = chance.choice(jobs)
        keys = (
            manifest_key(app, job.job_id),
            claim_key(app, job.job_id),
            failure_key(app, job.job_id, chance.randint(7, 99)),
        )
        which = chance.randrange(3)
        yield keys[which], chance.choice(broken)
        which = chance.choice((0, 2))  # a claim may legitimately belong to another
        yield keys[which], next(wrong[which])
        folder = chance.choice(FOLDERS)
        yield state_key(app, folder, chance.choice(STRAY)), chance.choice(broken)


def _garbled_answers(
    ground: Ground, report: Report, chance: random.Random, *, answers: int, jobs: int
) -> None:
    """Give a worker garbled answers from SQS, again and again, and let it do its jobs."""
    with (
        ground.run("garbled", retries=5) as run,
        contextlib.closing(Garbling(run.cloud.url, chance, answers)) as proxy,
    ):
        sent = [a_job(number) for number in range(jobs)]
        submit(run, sent)
        harness.start_worker(
            run, AWS_ENDPOINT_URL_SQS=proxy.url, SQS_MESSAGE_VISIBILITY=6, HEARTBEAT_SECONDS=2
        )
        harness.wait_until(lambda: proxy.fired.total() >= answers, 120, "all garbled answers are given")
        harness.wait_until_settled(run, 60 + 5 * jobs)
        report.expect(all(worker.process.poll() is None for worker in run.workers), "a worker has ended")
        finish(run, 30)
        report.injected.update(proxy.fired)
        audit(run, sent, report)
        for job in sent:
            report.expect(harness.manifest(run, job), f"job {job.job_id} is not done")


GARBAGE = (
    b"<!doctype html><html><body>Please log in</body></html>",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b'{"Messages": "text"}',
    b'{"Messages": [null]}',
    b'{"Messages": [{}]}',
    b'{"Messages": [{"MessageId": "1", "ReceiptHandle": "2"}]}',
    b'{"Messages": [{"MessageId": 1, "ReceiptHandle": 2, "Body": {"a": 1}}]}',
    b'{"Messages": [{"MessageId": "1", "ReceiptHandle": "2", "Body": "b", "MD5OfBody": "0"}]}',
    b"[" * 100_000,
    b"\xff\xfe\x00",
    b'{"Attributes": {"ApproximateNumberOfMessages": "many"}}',
)


class Garbling(SqsProxy):
    """Garbles every second answer, up to a total. `fired` counts them by what was requested."""

    def __init__(self, upstream: str, chance: random.Random, answers: int) -> None:
        self.fired: Counter[str] = Counter()
        self._left = [garbage for garbage in GARBAGE for _ in range(1 + answers // len(GARBAGE))]
        chance.shuffle(self._left)
        del self._left[answers:]
        self._turn = itertools.count()
        self._lock = threading.Lock()
        super().__init__(upstream)

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return garbage, or SQS's answer. A garbled call does not reach SQS."""
        asked = headers.get(TARGET, "")
        with self._lock:
            garble = asked != "AmazonSQS.SendMessageBatch" and next(self._turn) % 2 == 0 and self._left
            garbage = self._left.pop() if garble else None
            if garbage is not None:
                self.fired[f"garbled {asked.rpartition('.')[2] or 'answer'}"] += 1
        if garbage is None:
            return self.forward(headers, body)
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, garbage


def _before_users(ground: Ground, report: Report, chance: random.Random, *, objects: int) -> None:
    """Let monitor and janitor end runs among hostile objects, with correct counts and nothing left."""
    with emulators(ground.new_folder("users")) as session:
        for number, look in enumerate((_monitored, _looked_after)):
            _before_one(a_run(Clients(session), f"Hostile{number}"), look, report, chance, objects // 2)


def _before_one(
    run: ARun, look: Callable[[ARun], str], report: Report, chance: random.Random, objects: int
) -> None:
    jobs = some_jobs(3)
    run.submit(jobs)
    for key, body in _of_the_app(run, objects, chance):
        run.clients.s3.put_object(Bucket=run.bucket, Key=key, Body=body)
        report.injected["in monitor's and janitor's way"] += 1
    run.work_off(2)
    run.give_up(reported="no cells")
    problem = look(run)
    report.expect(not problem, f"{look.__name__}: {problem}")
    there = run.machines()
    report.expect(not there, f"machines are left: {there}")


def _of_the_app(run: ARun, count: int, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield hostile objects for every folder that monitor, janitor and commands read."""
    places = [f"{folder}/{name}" for folder in FOLDERS for name in STRAY]
    places += [f"{folder}/{run.clients.region}/{name}" for folder in ("runs", "memories") for name in STRAY]
    places += [f"submissions/20260101T00000{n}Z-abcdef{n:02}.json" for n in range(8)]
    places += [f"names/20260101T00000{n}Z-abcdef{n:02}.tsv.gz" for n in range(8)]
    places += [f"endings/token-{run.app}.json", f"machines/token-{run.app}.json"]
    submission = {
        "submission_id": "x",
        "job_file": "j",
        "queue_created": "1",
        "submitted_at": 1.0,
        "job_ids": ["0" * 16],
        "app_name": "Another",
    }
    wrong = with_wrong_fields(submission, chance)
    for place in chance.sample(places, min(count, len(places))):
        broken = place.startswith(("endings", "machines", "names")) or chance.random() < 0.7
        yield state_key(run.app, place), chance.choice(broken_bodies()) if broken else next(wrong)


def _monitored(run: ARun) -> str:
    result, screen = watch(run)
    found = (result.exit_code, result.done, result.dead, result.unaccounted)
    return "" if found == (3, 2, 1, 0) else f"{found}: {screen.text[-2000:]}"


def _looked_after(run: ARun) -> str:
    open_run(run.clients.s3, run.record)
    told: list[str] = []
    clock = SteppedClock(time.time(), run.report_stopped_tasks)
    problems = run_round(JanitorConfig(run.app, run.bucket), run.clients, clock, told.append)
    closed = any("is taken down" in line for line in told)
    return "" if closed and not problems else f"{problems}: {told[-20:]}"
