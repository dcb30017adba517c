"""A bucket's folder holds only its objects, and after a restart S3 knows what it knew about them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distributed_fiji.errors import InvalidInput, NothingThere
from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import state
from distributed_fiji.local.state import ACCOUNT, CONTROL_PLANE, Folders
from tests.local.test_cloud import pids


def test_the_folder_holds_the_objects_alone_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    root = tmp_path / "local-cloud"
    # As an earlier version left it: what is known of an object is beside it.
    state.prepare(Folders(root), "us-east-1")
    old = root / "data" / ACCOUNT / "old-bucket"
    old.mkdir(parents=True)
    (old / "a.tif").write_bytes(b"image")
    told = {
        "etag": '"e"',
        "last_modified": "2026-01-01T00:00:00.000Z",
        "size": 5,
        "metadata": {"x-amz-meta-well": "A1"},
    }
    (old / "a.tif.meta.json").write_text(json.dumps(told))
    try:
        s3 = clouds.start(root).client("s3")
        clouds.ensure_bucket(s3, "new-bucket")
        s3.put_object(
            Bucket="new-bucket", Key="b/c.tif", Body=b"c", Metadata={"well": "C"}, ContentType="image/tiff"
        )
        s3.put_object(Bucket="new-bucket", Key="mine.meta.json", Body=b"{}")
        s3.put_object(Bucket="new-bucket", Key="gone", Body=b"x")
        s3.delete_object(Bucket="new-bucket", Key="gone")

        folder = (root / "s3").resolve()
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        clouds.stop(root)
        (folder / "new-bucket" / "dropped.tif").write_bytes(b"put there by hand")
        s3 = clouds.start(root).client("s3")

        listed = [item["Key"] for item in s3.list_objects_v2(Bucket="new-bucket")["Contents"]]
        kept = s3.head_object(Bucket="new-bucket", Key="b/c.tif")
        assert files == {"old-bucket/a.tif", "new-bucket/b/c.tif", "new-bucket/mine.meta.json"}
        assert listed == ["b/c.tif", "dropped.tif", "mine.meta.json"]
        assert (kept["Metadata"], kept["ContentType"]) == ({"well": "C"}, "image/tiff")
        assert s3.head_object(Bucket="old-bucket", Key="a.tif")["Metadata"] == {"well": "A1"}
        assert not (old / "a.tif.meta.json").exists()
    finally:
        clouds.reset(root)


def test_a_cloud_that_has_ended_says_so_and_how_to_start_it(tmp_path: Path) -> None:
    root = tmp_path / "local-cloud"
    try:
        cloud = clouds.start(root)
        clouds.check(root)
        server = cloud.state.servers[CONTROL_PLANE]
        assert server.identity is not None
        process = server.identity.process()
        assert process is not None
        process.kill()
        process.wait(10)
        with pytest.raises(
            NothingThere, match=r"its controlplane has stopped.*run\.py --local setup` repairs it"
        ):
            clouds.check(root)
        clouds.stop(root)
        with pytest.raises(
            NothingThere, match=r"The embedded cloud has stopped.*--local setup` starts it again"
        ):
            clouds.check(root)
    finally:
        clouds.reset(root)


def test_a_mistyped_bucket_is_refused_with_the_nearest_and_none_is_made(tmp_path: Path) -> None:
    root = tmp_path / "local-cloud"
    try:
        s3 = clouds.start(root).client("s3")
        clouds.check_buckets(s3, {"my-images"}, may_make=True)
        for may_make in (True, False):
            with pytest.raises(InvalidInput, match=r"'my-imagse': did you mean 'my-images'\?"):
                clouds.check_buckets(s3, {"my-images", "my-imagse"}, may_make=may_make)
        assert [item["Name"] for item in s3.list_buckets()["Buckets"]] == ["my-images"]
        assert pids(clouds.start(root))
    finally:
        clouds.reset(root)
