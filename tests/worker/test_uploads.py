"""Files to an emulator, each under a condition and checked: what it costs, and what must not go unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker import harness
from worker.aws.queue import Message
from worker.contract.flags import read_flags
from worker.contract.jobs import FailureClass
from worker.errors import JobFailed, LeaseLost
from worker.job.claim import Claim, Term
from worker.job.held import HeldJob
from worker.job.uploads import SMALL, Parcel, Uploads
from worker.records.ledger import Ledger
from worker.records.marks import mark_of
from worker.records.ownership import Ownership, Writer
from worker.records.runbook import RunBook
from worker.storage.multipart import LARGE
from worker.storage.outputs import find_outputs
from worker.storage.s3 import list_objects

#: One file of each way to send: from memory, from disk, in parts.
FROM_HERE_IN_PARTS = 2 * SMALL
SIZES = {"small.csv": 100, "middle.tif.bin": SMALL + 1, "large.bin": FROM_HERE_IN_PARTS}


def go_on() -> None:
    """Break off nothing."""


@pytest.fixture
def calls(run: harness.Run) -> Iterator[list[str]]:
    """The names of all calls to S3 while a test runs."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    run.cloud.s3.meta.events.register("before-call.s3", note)
    yield made
    run.cloud.s3.meta.events.unregister("before-call.s3", note)


def uploads(run: harness.Run, flags: str = "", large: int = FROM_HERE_IN_PARTS) -> Uploads:
    book = RunBook(run.cloud.s3, run.bucket, run.app_name)
    ledger = Ledger(run.cloud.s3, run.bucket, run.app_name)
    created = time.time()
    ownership = Ownership(run.cloud.s3, ledger, book, lambda: created)
    return Uploads(run.cloud.s3, read_flags(flags), ownership, large)


def parcel(run: harness.Run, *, job: str = "job", run_id: str = "run") -> Parcel:
    folder = run.folder / "out"
    mark = mark_of(run.app_name, run.bucket, job, f"Well={job}", run_id)
    found = find_outputs(folder, [], "there/")
    assert not found.refused
    return Parcel(run.bucket, "there/", found.outputs, Writer(mark, "script", {"Well": job}))


def claim(run: harness.Run, *, before: str = "") -> Claim:
    """Return a claim for long; the run `before` is known to be over."""
    message = Message("message", "receipt", "{}", attempt=1, sent_at=0)
    held = HeldJob(message, NoLease(), job_id="job", run_id="run")  # type: ignore[arg-type]
    ledger = Ledger(run.cloud.s3, run.bucket, run.app_name)
    term = Term(renew=3600, valid=10_800)
    return Claim(ledger, held, "its ETag", term=term, taken_at=time.monotonic(), before=[before])


class NoLease:
    """Stands for a lease, which uploads know nothing of."""


def leave(run: harness.Run, sizes: dict[str, int], letter: bytes = b"a") -> Path:
    for name, size in sizes.items():
        path = run.folder / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(letter * size)
    return run.folder / "out"


def test_files_of_every_size_go_and_say_whose_they_are(run: harness.Run) -> None:
    leave(run, SIZES)

    sent = uploads(run, "--metadata note=mine --content-type image/x --cache-control no-cache").send(
        parcel(run), claim(run), go_on
    )

    listed = {item.key: (item.size, item.etag) for item in list_objects(run.cloud.s3, run.bucket, "there/")}
    assert {item.key: (item.size, item.etag) for item in sent} == listed
    for name, size in SIZES.items():
        answer = run.cloud.s3.get_object(Bucket=run.bucket, Key=f"there/{name}")
        assert answer["Body"].read() == b"a" * size
        assert (answer["ContentType"], answer["CacheControl"]) == ("image/x", "no-cache")
        assert answer["Metadata"]["note"] == "mine"
        assert answer["Metadata"]["distributed-fiji-job"] == "job"


def test_a_new_key_costs_one_request(run: harness.Run, calls: list[str]) -> None:
    leave(run, {f"{number}.csv": 10 for number in range(30)})

    uploads(run).send(parcel(run), claim(run), go_on)

    assert calls == 30 * ["PutObject"]


def test_the_same_job_replaces_what_it_left_before(run: harness.Run) -> None:
    leave(run, SIZES)
    uploads(run).send(parcel(run), claim(run), go_on)
    leave(run, SIZES, b"b")

    uploads(run).send(parcel(run, run_id="again"), claim(run, before="run"), go_on)

    for name, size in SIZES.items():
        assert harness.content(run, f"there/{name}") == b"b" * size


@pytest.mark.parametrize("name", SIZES)
def test_an_answer_that_was_lost_is_found_to_be_our_own(
    run: harness.Run, calls: list[str], name: str
) -> None:
    leave(run, {name: SIZES[name]})
    first = uploads(run).send(parcel(run), claim(run), go_on)
    calls.clear()

    assert uploads(run).send(parcel(run), claim(run), go_on) == first

    if name != "large.bin":
        assert calls == ["PutObject", "HeadObject"]


@pytest.mark.parametrize("name", SIZES)
def test_of_two_jobs_at_once_one_has_the_key_and_the_other_is_told_whose_it_is(
    run: harness.Run, name: str
) -> None:
    leave(run, {name: SIZES[name]})
    parcels = [parcel(run, job=well) for well in ("A01", "A02")]
    ends: dict[str, str] = {}
    together = threading.Barrier(2)

    def send(one: Parcel) -> None:
        together.wait()
        try:
            uploads(run).send(one, claim(run), go_on)
            ends["done"] = one.writer.mark.job
        except JobFailed as error:
            assert error.failure is FailureClass.OUTPUTS_TAKEN
            ends["failed"] = error.sentence

    threads = [threading.Thread(target=send, args=(one,)) for one in parcels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert f"is already an output of the job Well={ends['done']}" in ends["failed"]
    assert "{Well}" in ends["failed"]
    head = run.cloud.s3.head_object(Bucket=run.bucket, Key=f"there/{name}")
    assert head["Metadata"]["distributed-fiji-job"] == ends["done"]


@pytest.mark.parametrize("name", SIZES)
def test_a_file_that_changes_while_it_is_sent_fails_the_job(run: harness.Run, name: str) -> None:
    folder = leave(run, {name: SIZES[name]})
    judged = parcel(run)
    (folder / name).write_bytes(b"b" * SIZES[name])

    with pytest.raises(JobFailed, match=f"output/{name} changed during its upload"):
        uploads(run).send(judged, claim(run), go_on)


def test_a_large_file_that_grows_while_its_parts_go_fails_the_job(run: harness.Run) -> None:
    folder = leave(run, {"large.bin": LARGE})
    judged = parcel(run)
    asked: list[int] = []

    def grow_midway() -> None:
        asked.append(1)
        if len(asked) == 8:
            with (folder / "large.bin").open("ab") as file:
                file.write(b"more")

    with pytest.raises(JobFailed, match="changed during its upload"):
        uploads(run).send(judged, claim(run), grow_midway)


def test_an_upload_that_is_broken_off_is_over_when_its_error_arrives(run: harness.Run) -> None:
    leave(run, {f"{number}.bin": 300_000 for number in range(40)})
    chunks: list[int] = []

    def lost_midway() -> None:
        chunks.append(1)
        if len(chunks) > 60:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        uploads(run).send(parcel(run), claim(run), lost_midway)

    landed = harness.keys(run, "there/")
    time.sleep(0.5)
    assert harness.keys(run, "there/") == landed
    assert len(landed) < 40


def test_parts_of_an_upload_that_is_broken_off_are_taken_back(run: harness.Run) -> None:
    leave(run, {"large.bin": LARGE})
    asked: list[int] = []

    def lost_midway() -> None:
        asked.append(1)
        if len(asked) > 8:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        uploads(run).send(parcel(run), claim(run), lost_midway)

    assert not run.cloud.s3.list_multipart_uploads(Bucket=run.bucket).get("Uploads")
    assert not harness.keys(run, "there/")


def test_a_bucket_that_is_not_there_is_named(run: harness.Run) -> None:
    leave(run, {"a.csv": 3})
    nowhere = parcel(run)

    with pytest.raises(JobFailed, match="no-such-bucket"):
        uploads(run).send(Parcel("no-such-bucket", "x/", nowhere.outputs, nowhere.writer), claim(run), go_on)
