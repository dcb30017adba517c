"""Files from an emulator by each of the programs that may bring them, always checked afterwards."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import boto3
import pytest
from botocore.config import Config

from tests import emulators
from tests.worker import harness
from worker.errors import ChangedMeanwhile, JobFailed, LeaseLost
from worker.storage.bulk import LARGE, Batch, Bulk, find_program, s5cmd_binary
from worker.storage.downloads import Downloads
from worker.storage.s3 import Object, list_objects

NAMES = [f"deep/{number:02}.txt" for number in range(30)]


@pytest.fixture(autouse=True)
def client_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs find keys and region where the worker's have them."""
    for name, value in {**emulators.CLIENT_ENVIRONMENT, "AWS_REGION": harness.REGION}.items():
        monkeypatch.setenv(name, value)


def downloads(run: harness.Run, *, s5cmd: bool = True) -> Downloads:
    return Downloads(
        run.cloud.s3,
        Bulk(run.cloud.url, run.folder, s5cmd_binary() if s5cmd else None, find_program("aws")),
    )


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

    downloads(run, s5cmd=s5cmd).fetch(Batch(run.bucket, "in/", folder, NAMES, whole=True), objects, go_on)

    assert {name: (folder / name).read_text(encoding="utf-8") for name in NAMES} == {
        name: name for name in NAMES
    }


def test_a_key_that_leads_out_of_the_folder_is_not_followed(run: harness.Run) -> None:
    objects = put_all(run)
    for key in ("in/../../evil.txt", "in/deep/../../../evil.txt", "in/.."):
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=b"came after the listing")
    folder = run.folder / "a" / "b" / "here"

    downloads(run).fetch(Batch(run.bucket, "in/", folder, NAMES, whole=True), objects, go_on)

    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")} == set(NAMES)
    assert not list(run.folder.rglob("evil*")) and list((run.folder / "a").iterdir()) == [folder.parent]


def test_a_file_that_a_program_brought_wrong_is_brought_again(run: harness.Run) -> None:
    objects = put_all(run)
    folder = run.folder / "here"
    way = Batch(run.bucket, "in/", folder, NAMES, whole=True)
    downloads(run).fetch(way, objects, go_on)
    wrong = folder / NAMES[3]
    wrong.write_text("x" * wrong.stat().st_size, encoding="utf-8")

    downloads(run, s5cmd=False).fetch(way, objects, go_on)

    assert wrong.read_text(encoding="utf-8") == NAMES[3]


@pytest.mark.parametrize("count", [1, 30])
def test_an_object_that_is_no_longer_the_listed_one_is_not_taken(run: harness.Run, count: int) -> None:
    objects = dict(list(put_all(run).items())[:count])
    name = NAMES[0]
    run.cloud.s3.put_object(Bucket=run.bucket, Key=f"in/{name}", Body=b"X" * len(name))

    with pytest.raises(ChangedMeanwhile, match=f"in/{name}"):
        downloads(run).fetch(Batch(run.bucket, "in/", run.folder / "here", list(objects)), objects, go_on)


def test_a_large_object_that_is_no_longer_the_listed_one_is_not_taken(run: harness.Run) -> None:
    run.cloud.s3.upload_fileobj(io.BytesIO(b"old" + bytes(LARGE)), run.bucket, "large.bin")
    (item,) = list_objects(run.cloud.s3, run.bucket, "large")
    run.cloud.s3.upload_fileobj(io.BytesIO(b"new" + bytes(LARGE)), run.bucket, "large.bin")

    with pytest.raises(ChangedMeanwhile):
        downloads(run).fetch(Batch(run.bucket, "", run.folder, ["large.bin"]), {"large.bin": item}, go_on)


@pytest.mark.parametrize(
    ("size", "checksum"),
    [
        pytest.param(100, "when_required", id="small, MD5 alone"),
        pytest.param(100, "when_supported", id="small, checksum", marks=pytest.mark.thorough),
        pytest.param(LARGE + 5, "when_required", id="large, MD5 alone", marks=pytest.mark.thorough),
        pytest.param(LARGE + 5, "when_supported", id="large, checksum", marks=pytest.mark.thorough),
    ],
)
def test_bytes_that_have_rotted_where_they_are_kept_are_not_taken(
    tmp_path: Path, size: int, checksum: Literal["when_supported", "when_required"]
) -> None:
    with emulators.ministack(tmp_path, "s3") as url:
        config = Config(request_checksum_calculation=checksum)
        s3 = boto3.client("s3", endpoint_url=url, region_name=harness.REGION, config=config)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="rotten.bin", Body=b"a" * size)
        (item,) = list_objects(s3, "bucket", "")
        (kept,) = tmp_path.rglob("rotten.bin")
        with kept.open("r+b") as file:
            file.seek(size // 2)
            file.write(b"b")

        with pytest.raises(JobFailed, match=r"checksum|its MD5 is"):
            Downloads(s3, Bulk(url, tmp_path, None, None)).fetch(
                Batch("bucket", "", tmp_path / "here", ["rotten.bin"]), {"rotten.bin": item}, go_on
            )


def test_a_lost_lease_breaks_a_transfer_off(run: harness.Run) -> None:
    def lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        downloads(run).fetch(Batch(run.bucket, "in/", run.folder / "here", NAMES), put_all(run), lost)


def test_an_object_of_another_bucket_that_is_not_there_is_named(run: harness.Run) -> None:
    batch = Batch("no-such-bucket", "in/", run.folder / "here", ["a"])

    with pytest.raises(JobFailed, match="no-such-bucket"):
        downloads(run).fetch(batch, {"a": Object("in/a", 1, '"e"')}, go_on)


def test_a_large_file_comes_in_parts(run: harness.Run) -> None:
    content = b"begin" + bytes(LARGE)
    run.cloud.s3.upload_fileobj(io.BytesIO(content), run.bucket, "large.bin")
    (item,) = list_objects(run.cloud.s3, run.bucket, "large")

    downloads(run).fetch(Batch(run.bucket, "", run.folder, ["large.bin"]), {"large.bin": item}, go_on)

    assert (run.folder / "large.bin").read_bytes() == content
