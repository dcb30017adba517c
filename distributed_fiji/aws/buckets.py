"""What setup checks about the buckets before it creates anything: existence, access and region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code, error_text, pages
from distributed_fiji.findings import Finding, doubts, stops, unknowns
from distributed_fiji.settings import Settings
from worker.contract.jobs import state_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Approximate dollars per GB between AWS regions (S3 price list, "Data transfer", us-east-1).
TRANSFER_DOLLARS = 0.02

#: S3's codes for denied access. An answer to HEAD has no body, so botocore gives its status.
DENIED = ("403", "AccessDenied")

#: Storage classes whose objects must be restored before they can be read (S3 user guide, "Storage classes").
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")

REQUESTER_PAYS = "its requester pays"

#: S3's answers to a conditional write if the object exists: the write itself was allowed.
THERE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


def check_buckets(settings: Settings, s3: S3Client) -> list[Finding]:
    """Return problems with the buckets, and what could not be checked.

    You must be able to list AWS_BUCKET, since the run's state is there. S3 answers 403 both for another
    account's bucket and for a missing permission. Only the workers must reach the other buckets.
    """
    problems, unseen, far = list[str](), list[str](), list[str]()
    for setting, bucket in _buckets(settings):
        region, code = _look_at(s3, bucket)
        if code in ("404", "NoSuchBucket"):
            problems.append(
                f"{setting} = {bucket!r}: this bucket does not exist; `aws s3 mb s3://{bucket}` creates it"
            )
        elif code in DENIED and (refusal := _refusal(s3, bucket)) == REQUESTER_PAYS:
            problems.append(
                f"{setting} = {bucket!r} is a Requester Pays bucket, which workers cannot use. Copy what"
                " you need into your own bucket in the same region (`aws s3 cp --recursive"
                f" --request-payer requester s3://{bucket}/… s3://…`)"
            )
        elif code in DENIED and setting == "AWS_BUCKET":
            problems.append(
                f"{setting} = {bucket!r}: S3 refuses access (403). The bucket belongs to another account,"
                f" or your user lacks s3:ListBucket on it. S3 reports: {refusal}"
            )
        elif code in DENIED:
            unseen.append(
                f"{setting} = {bucket!r} could not be checked, because S3 refuses you access"
                f" (s3:ListBucket: {refusal}). If it belongs to another account, its bucket policy, and"
                " the policy of its KMS key if it has one, must allow the workers' role"
                " (docs/permissions.md)"
            )
        elif code:
            unseen.append(f"{setting} = {bucket!r} could not be checked: S3 returned {code}")
        elif region not in ("", settings.AWS_REGION):
            far.append(
                f"{setting} = {bucket!r} is in {region}, but your machines will be in"
                f" {settings.AWS_REGION}: each GB of transfer costs about ${TRANSFER_DOLLARS:.2f}, again"
                f" for every job, and MAX_COST does not count it. With AWS_REGION = {region!r} transfer is"
                " free"
            )
    return [*stops("bucket", problems), *doubts("bucket", far), *unknowns("bucket", unseen)]


def _buckets(settings: Settings) -> list[tuple[str, str]]:
    """Return the settings that name buckets, with their values; each bucket once."""
    named = [
        (name, getattr(settings, name)) for name in ("AWS_BUCKET", "SOURCE_BUCKET", "DESTINATION_BUCKET")
    ]
    named += [("MORE_SOURCE_BUCKETS", bucket) for bucket in settings.MORE_SOURCE_BUCKETS]
    first = {bucket: setting for setting, bucket in reversed(named)}
    return [(setting, bucket) for bucket, setting in reversed(first.items())]


def _look_at(s3: S3Client, bucket: str) -> tuple[str, str]:
    """Return a bucket's region, '' if not given, and S3's error code, '' if there is none."""
    try:
        return s3.head_bucket(Bucket=bucket).get("BucketRegion", ""), ""
    except ClientError as error:
        return "", error_code(error)


def _refusal(s3: S3Client, bucket: str) -> str:
    """Return S3's message to a caller who may not access a bucket, or REQUESTER_PAYS.

    HeadBucket gives no message. S3 also answers 403 if the requester must pay and has not agreed to; only the
    bucket's owner need not (S3 user guide, "Downloading objects from Requester Pays buckets").
    """
    try:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        words = error_text(error).rstrip(".")
    else:
        return "it may be listed, though"
    try:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=1, RequestPayer="requester")
    except ClientError:
        return words
    return REQUESTER_PAYS


def write_problems(s3: S3Client, settings: Settings) -> list[str]:
    """Try one conditional write below the run's state; return S3's objections.

    A bucket's policy may require an encryption that UPLOAD_FLAGS do not name, or its key may refuse us.
    Without this check, the run would learn it when its first job is done. The object stays, and is written
    once.
    """
    key = state_key(settings.APP_NAME, "writable")
    try:
        s3.put_object(Bucket=settings.AWS_BUCKET, Key=key, Body=b"", IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) in THERE:
            return []
        return [
            f"AWS_BUCKET = {settings.AWS_BUCKET!r}: the run's state cannot be written to"
            f" s3://{settings.AWS_BUCKET}/{key}: {error_text(error).rstrip('.')}. If the bucket's policy"
            " requires encryption, set it in UPLOAD_FLAGS (--sse, --sse-kms-key-id), which also applies"
            " to the run's state"
        ]
    return []


def list_keys(s3: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys that begin with a prefix, in order, 1,000 per request."""
    return (item["Key"] for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix))


def list_inputs(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[str, int, bool]]:
    """Yield the keys that begin with a prefix, in order.

    Each comes with its bytes and whether it must be restored first. A restored object is still in its archive
    class, but can be read (S3 API reference, RestoreStatus).
    """
    attributes = {"OptionalObjectAttributes": ["RestoreStatus"]}
    for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix, **attributes):
        is_archived = item.get("StorageClass") in ARCHIVES
        yield (
            item["Key"],
            item["Size"],
            is_archived and "RestoreExpiryDate" not in item.get("RestoreStatus", {}),
        )


def read_head(s3: S3Client, bucket: str, key: str, size: int) -> bytes:
    """Return the first bytes of an object. Raises ClientError."""
    return bytes(s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{size - 1}")["Body"].read())


def list_folder(s3: S3Client, bucket: str, folder: str) -> list[str]:
    """Return up to 1,000 keys and folders directly in a folder, which ends with "/" unless it is the root."""
    answer = s3.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/")
    folders = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    return folders + [item["Key"] for item in answer.get("Contents", [])]
