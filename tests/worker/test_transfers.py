"""Files from an emulator by each of the programs that may bring them, always checked afterwards."""

from __future__ import annotations

import pytest

from tests import emulators
from tests.worker import harness
from worker.bulk import Batch, Bulk, find_program, s5cmd_binary
from worker.errors import JobFailed, LeaseLost
from worker.s3 import Object, list_objects
from worker.transfers import Transfers

NAMES = [f"deep/{number:02}.txt" for number in range(30)]


@pytest.fixture(autouse=True)
def client_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs find keys and region where the worker's have them."""
    for name, value in {**emulators.CLIENT_ENVIRONMENT, "AWS_REGION": harness.REGION}.items():
        monkeypatch.setenv(name, value)


def transfers(run: harness.Run, *, s5cmd: bool = True) -> Transfers:
    bulk = Bulk(run.cloud.url, run.folder, s5cmd_binary() if s5cmd else None, find_program("aws"))
    return Transfers(run.cloud.s3, bulk)


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


def test_a_file_that_a_program_brought_wrong_is_brought_again(run: harness.Run) -> None:
    objects = put_all(run)
    folder = run.folder / "here"
    way = Batch(run.bucket, "in/", folder, NAMES, whole=True)
    transfers(run).fetch(way, objects, go_on)
    wrong = folder / NAMES[3]
    wrong.write_text("x" * wrong.stat().st_size, encoding="utf-8")

    transfers(run, s5cmd=False).fetch(way, objects, go_on)

    assert wrong.read_text(encoding="utf-8") == NAMES[3]


def test_a_lost_lease_breaks_a_transfer_off(run: harness.Run) -> None:
    def lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        transfers(run).fetch(Batch(run.bucket, "in/", run.folder / "here", NAMES), put_all(run), lost)


def test_an_object_of_another_bucket_that_is_not_there_is_named(run: harness.Run) -> None:
    batch = Batch("no-such-bucket", "in/", run.folder / "here", ["a"])

    with pytest.raises(JobFailed, match="no-such-bucket"):
        transfers(run).fetch(batch, {"a": Object("in/a", 1, '"e"')}, go_on)
