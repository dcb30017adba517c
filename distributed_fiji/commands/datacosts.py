"""What data costs beside machines, said before it does: listings for each job, parts and old versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import AwsError, error_code, error_text
from distributed_fiji.jobs import JobFile
from worker.contract.inputs import InvalidAddress, Pattern, read_patterns

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Keys in a page of ListObjectsV2, and dollars of 1,000 LIST requests (AWS price list, us-east-1).
PAGE, LISTS_DOLLARS = 1000, 0.005

#: Keys that one job may list without a word: a second at most.
FEW_KEYS = 5_000


def listing_doubts(source_bucket: str, jobs: JobFile, count: Callable[[str, str], int]) -> list[str]:
    """Return what the inputs' patterns cost where each job has to list very many keys.

    S3 lists by what a key begins with alone: `plate/*A01*.tif` lists all of `plate/`. The start that most
    jobs share is counted: `count` returns the keys in a bucket that begin with a text.
    """
    starts = Counter(_start(pattern, source_bucket) for job in jobs for pattern in set(job.inputs))
    starts.pop(None, None)
    if not starts:
        return []
    (found, times), *_ = starts.most_common(1)
    assert found is not None
    bucket, start = found
    keys = count(bucket, start)
    if keys <= FEW_KEYS:
        return []
    dollars = times * keys / PAGE * LISTS_DOLLARS / 1000
    return [
        f"inputs: {times} jobs each list {keys:,} keys, all that begin with s3://{bucket}/{start}"
        f" (about {keys / 10_000:.0f} s a job, ${dollars:.2f} together). A pattern with a longer fixed"
        " beginning, such as one folder per well, lists fewer"
    ]


def _start(pattern: str, source_bucket: str) -> tuple[str, str] | None:
    """Return bucket and start of the keys that a pattern lists; None for one that names a key."""
    try:
        found: Pattern = read_patterns(pattern, source_bucket)[0]
    except InvalidAddress:
        return None
    return None if found.prefix == found.key else (found.bucket, found.prefix)


def bucket_notes(s3: S3Client, bucket: str) -> list[str]:
    """Return what of a bucket's settings lets data bill on unseen: parts of uploads, old versions.

    Parts of an upload that broke off stay until somebody aborts it, and a lifecycle rule does (S3 user guide,
    "Aborting a multipart upload using a bucket lifecycle configuration").
    """
    notes: list[str] = []
    for look in (_parts, _versions):
        try:
            notes += look(s3, bucket)
        except AwsError as error:
            notes.append(f"s3://{bucket}: {_WHAT[look]} could not be checked: {error_text(error)}")
    return notes


def _parts(s3: S3Client, bucket: str) -> Iterator[str]:
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error_code(error) != "NoSuchLifecycleConfiguration":
            raise
        rules = []
    covered = aborted_below(rules)
    stay = (
        "parts of broken uploads (files of 64 MiB and more) are billed until `python run.py cleanup`"
        " removes them"
    )
    if not covered:
        yield f"s3://{bucket} has no lifecycle rule AbortIncompleteMultipartUpload: {stay}"
    elif "" not in covered:
        starts = " or ".join(map(repr, covered))
        yield (
            f"s3://{bucket}: the lifecycle rule AbortIncompleteMultipartUpload covers only keys that begin"
            f" with {starts}; elsewhere {stay}"
        )


def aborted_below(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the starts of the keys whose broken uploads a bucket's lifecycle rules abort; '' means all.

    A rule names its start in its filter, or itself in its older form (S3 API reference, LifecycleRule). One
    that asks for tags or sizes is left out: S3 takes no such rule
    (terraform-aws-modules/terraform-aws-s3-bucket#109, aws-cloudformation/cfn-lint#3554).
    """
    starts = set[str]()
    for rule in rules:
        if rule["Status"] != "Enabled" or "AbortIncompleteMultipartUpload" not in rule:
            continue
        wanted = rule.get("Filter", {})
        wanted = wanted.get("And", wanted)
        if not wanted.keys() - {"Prefix"}:
            starts.add(wanted.get("Prefix", rule.get("Prefix", "")))
    return sorted(starts)


def _versions(s3: S3Client, bucket: str) -> Iterator[str]:
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
        yield f"s3://{bucket} keeps old versions: overwritten and deleted files are still billed"


_WHAT: dict[Callable[..., Any], str] = {_parts: "its lifecycle rules", _versions: "its versioning"}
