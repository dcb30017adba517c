"""Files to and from an emulator by each of the programs that may bring them, always checked afterwards."""

from __future__ import annotations

import filecmp
import time

import pytest

from tests import emulators
from tests.worker import harness
from worker.bulk import LARGE, Batch, Bulk, find_program, s5cmd_binary
from worker.contract import FailureClass
from worker.contract_flags import read_flags
from worker.errors import JobFailed, LeaseLost
from worker.s3 import Object, list_objects
from worker.transfers import Transfers

NAMES = [f"deep/{number:02}.txt" for number in range(30)]


@pytest.fixture(autouse=True)
def client_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs find keys and region where the worker's have them."""
    for name, value in {**emulators.CLIENT_ENVIRONMENT, "AWS_REGION": harness.REGION}.items():
        monkeypatch.setenv(name, value)


def transfers(run: harness.Run, *, s5cmd: bool = True, flags: str = "", aws: str | None = None) -> Transfers:
    bulk = Bulk(run.cloud.url, run.folder, s5cmd_binary() if s5cmd else None, aws or find_program("aws"))
    return Transfers(run.cloud.s3, bulk, read_flags(flags))


def put_all(run: harness.Run) -> dict[str, Object]:
    for name in NAMES:
        run.cloud.s3.put_object(Bucket=run.bucket, Key=f"in/{name}", Body=name.encode())
    return {item.key[3:]: item for item in list_objects(run.cloud.s3, run.bucket, "in/")}


def go_on() -> None:
    """Break off nothing."""


@pytest.mark.parametrize("s5cmd", [True, False], ids=["s5cmd", "aws s3 sync"])
def test_many_objects_come_whole(run: harness.Run, s5cmd: bool) -> None:
    objects = put_all(run)
    folder = run.folder / "here"

    transfers(run, s5cmd=s5cmd).fetch(Batch(run.bucket, "in/", folder, NAMES, whole=True), objects, go_on)

    assert {name: (folder / name).read_text(encoding="utf-8") for name in NAMES} == {
        name: name for name in NAMES
    }


def test_a_key_that_leads_out_of_the_folder_is_not_followed(run: harness.Run) -> None:
    objects = put_all(run)
    for key in ("in/../../evil.txt", "in/deep/../../../evil.txt", "in/.."):
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=b"came after the listing")
    folder = run.folder / "a" / "b" / "here"

    transfers(run).fetch(Batch(run.bucket, "in/", folder, NAMES, whole=True), objects, go_on)

    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")} == set(NAMES)
    assert not list(run.folder.rglob("evil*")) and list((run.folder / "a").iterdir()) == [folder.parent]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "by names"])
@pytest.mark.parametrize("s5cmd", [True, False], ids=["s5cmd", "in process"])
def test_many_files_go_whole(run: harness.Run, s5cmd: bool, whole: bool) -> None:
    for name in NAMES:
        (run.folder / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / "out" / name).write_text(name, encoding="utf-8")
    (run.folder / "out" / "link.txt").symlink_to("/etc/hostname")

    way = Batch(run.bucket, "there/", run.folder / "out", NAMES, whole)
    sent = transfers(run, s5cmd=s5cmd).send(way, go_on)

    listed = {item.key: (item.size, item.etag) for item in list_objects(run.cloud.s3, run.bucket, "there/")}
    assert {item.key: (item.size, item.etag) for item in sent} == listed
    assert harness.content(run, "there/deep/07.txt") == b"deep/07.txt"


def test_a_file_that_a_program_brought_wrong_is_brought_again(run: harness.Run) -> None:
    objects = put_all(run)
    folder = run.folder / "here"
    way = Batch(run.bucket, "in/", folder, NAMES, whole=True)
    transfers(run).fetch(way, objects, go_on)
    wrong = folder / NAMES[3]
    wrong.write_text("x" * wrong.stat().st_size, encoding="utf-8")

    transfers(run, s5cmd=False).fetch(way, objects, go_on)

    assert wrong.read_text(encoding="utf-8") == NAMES[3]


def test_flags_that_aws_refuses_fail_the_upload_with_advice(run: harness.Run) -> None:
    (run.folder / "out").mkdir()
    (run.folder / "out" / "a.txt").touch()

    with pytest.raises(JobFailed, match="UPLOAD_FLAGS") as raised:
        transfers(run, flags="--expires 2030-99-99").send(
            Batch(run.bucket, "", run.folder / "out", ["a.txt"]), go_on
        )

    assert raised.value.failure is FailureClass.UPLOAD_FAILED


@pytest.mark.parametrize("status", [0, 1])
def test_the_exit_status_of_aws_decides_and_not_what_it_says(run: harness.Run, status: int) -> None:
    noisy = run.folder / "aws"
    real = find_program("aws")
    noisy.write_text(f'#!/bin/sh\necho "warning: [ERROR] something" >&2\n{real} "$@"\nexit {status}\n')
    noisy.chmod(0o755)
    (run.folder / "out").mkdir()
    (run.folder / "out" / "a.txt").write_text("A", encoding="utf-8")
    by_aws = transfers(run, flags="--expires 2030-01-01T00:00:00Z", aws=str(noisy))
    batch = Batch(run.bucket, "there/", run.folder / "out", ["a.txt"])

    if status == 0:
        assert [sent.key for sent in by_aws.send(batch, go_on)] == ["there/a.txt"]
    else:
        with pytest.raises(JobFailed, match="could not be uploaded"):
            by_aws.send(batch, go_on)


def test_an_upload_that_is_broken_off_is_over_when_its_error_arrives(run: harness.Run) -> None:
    names = [f"{number}.bin" for number in range(40)]
    (run.folder / "out").mkdir()
    for name in names:
        (run.folder / "out" / name).write_bytes(b"x" * 300_000)
    chunks: list[int] = []

    def lost_midway() -> None:
        chunks.append(1)
        if len(chunks) > 120:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        transfers(run, s5cmd=False).send(Batch(run.bucket, "up/", run.folder / "out", names), lost_midway)

    landed = harness.keys(run, "up/")
    time.sleep(0.5)
    assert harness.keys(run, "up/") == landed
    assert len(landed) < len(names)


def test_a_lost_lease_breaks_a_transfer_off(run: harness.Run) -> None:
    def lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        transfers(run).fetch(Batch(run.bucket, "in/", run.folder / "here", NAMES), put_all(run), lost)


def test_an_object_of_another_bucket_that_is_not_there_is_named(run: harness.Run) -> None:
    batch = Batch("no-such-bucket", "in/", run.folder / "here", ["a"])

    with pytest.raises(JobFailed, match="no-such-bucket"):
        transfers(run).fetch(batch, {"a": Object("in/a", 1, '"e"')}, go_on)


def test_a_large_file_goes_and_comes_in_parts(run: harness.Run) -> None:
    large = run.folder / "out" / "large.bin"
    large.parent.mkdir()
    with large.open("wb") as file:
        file.write(b"begin")
        file.truncate(LARGE + 5)

    (sent,) = transfers(run).send(Batch(run.bucket, "", large.parent, [large.name]), go_on)
    (item,) = list_objects(run.cloud.s3, run.bucket, "large")
    transfers(run).fetch(Batch(run.bucket, "", run.folder / "here", [large.name]), {large.name: item}, go_on)

    assert (item.size, item.etag) == (LARGE + 5, sent.etag)
    assert filecmp.cmp(large, run.folder / "here" / large.name, shallow=False)
