"""Buckets as institutes have them: in another region, with a policy that demands encryption, in Glacier."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.emulators import CLIENT_ENVIRONMENT
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import FailureClass, manifest_key
from worker.storage.bulk import MANY, Batch, Bulk
from worker.storage.regions import Regions
from worker.storage.s3 import as_failure

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def a_program(folder: Path) -> str:
    """Return a program in s5cmd's place that writes down in which region it believes itself."""
    path = folder / "s5cmd"
    path.write_text(f'#!/bin/sh\nprintf "%s" "$AWS_REGION" > {folder}/region\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(("bucket", "region"), [("far", "eu-west-1"), ("near", harness.REGION)])
def test_a_program_that_believes_its_environment_is_told_the_buckets_region(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str, region: str
) -> None:
    for name, value in {**CLIENT_ENVIRONMENT, "AWS_REGION": harness.REGION}.items():
        monkeypatch.setenv(name, value)
    name = f"{run.bucket}-{bucket}"
    s3 = boto3.client("s3", endpoint_url=run.cloud.url, region_name=region)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    regions = Regions(run.cloud.s3, os.environ)
    bulk = Bulk(run.cloud.url, tmp_path, a_program(tmp_path), None, regions.region_of)

    assert bulk.fetch(Batch(name, "in/", tmp_path, ["a"] * MANY, whole=True), lambda: None)

    assert (tmp_path / "region").read_text() == region


def test_all_that_a_worker_writes_is_encrypted_as_upload_flags_say(run: Run) -> None:
    job = a_job(1)
    submit(run, [job])
    worker = harness.start_worker(run, UPLOAD_FLAGS=f"--sse aws:kms --sse-kms-key-id {KEY}")
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, [job])
    head = run.cloud.s3.head_object(Bucket=run.bucket, Key=manifest_key(run.app_name, job.job_id))
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)


def test_an_object_in_an_archive_class_is_said_with_what_to_do() -> None:
    answer = {"Error": {"Code": "InvalidObjectState", "Message": "The operation is not valid"}}
    error = ClientError(answer, "GetObject")  # type: ignore[arg-type]

    failed = as_failure(error, FailureClass.DOWNLOAD_FAILED, "s3://plates/a.tif")

    assert "s3://plates/a.tif is in an S3 archive class (Glacier): restore it first" in str(failed)


def test_a_bucket_whose_key_refuses_the_role_is_said_with_the_action() -> None:
    said = f"User: arn:aws:sts::1:x is not authorized to perform: kms:Decrypt on resource: {KEY} because no"
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "GetObject")

    failed = as_failure(error, FailureClass.DOWNLOAD_FAILED, "s3://plates/a.tif")

    assert (
        str(failed)
        == "The worker's role has no permission for s3://plates/a.tif (access denied: kms:Decrypt)."
    )
