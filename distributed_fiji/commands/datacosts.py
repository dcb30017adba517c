"""Costs of data besides machines, reported in advance: listings per job, upload parts and old versions."""

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

#: Keys per page of ListObjectsV2, and dollars per 1,000 LIST requests (AWS price list, us-east-1).
PAGE, LISTS_DOLLARS = 1000, 0.005

#: Starts of keys that are counted; the rarest are dropped beyond that.
MOST_STARTS = 10_000

#: Keys that one job may list without a warning, which takes at most a second.
FEW_KEYS = 5_000


def listing_doubts(source_bucket: str, jobs: JobFile, count: Callable[[str, str], int]) -> list[str]:
    """Return what the inputs' patterns cost if each job has to list very many keys.

    S3 lists only by the beginning of keys: `plate/*A01*.tif` lists all of `plate/`. The beginning that most
    jobs share is counted. `count` returns how many keys in a bucket begin with a text.
    """
    starts = _common_starts(jobs, source_bucket)
    if not starts:
        return []
    (found, times), *_ = starts.most_common(1)
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


def _common_starts(jobs: JobFile, source_bucket: str) -> Counter[tuple[str, str]]:
    """Return how many jobs list each bucket and start of keys. What only one job has may be left out."""
    starts = Counter[tuple[str, str]]()
    for job in jobs:
        starts.update(filter(None, {_start(pattern, source_bucket) for pattern in job.inputs}))
        if len(starts) > MOST_STARTS:
            starts = Counter(dict(starts.most_common(MOST_STARTS // 2)))
    return starts


def _start(pattern: str, source_bucket: str) -> tuple[str, str] | None:
    """Return bucket and start of the keys that a pattern lists; None if it names a single key."""
    try:
        found: Pattern = read_patterns(pattern, source_bucket)[0]
    except InvalidAddress:
        return None
    return None if found.prefix == found.key else (found.bucket, found.prefix)


def bucket_notes(s3: S3Client, bucket: str) -> list[str]:
    """Return which of a bucket's settings let data bill unnoticed: parts of uploads, old versions.

    Parts of an interrupted upload stay until somebody or a lifecycle rule aborts it (S3 user guide, "Aborting
    a multipart upload using a bucket lifecycle configuration").
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
    """Return the key prefixes whose incomplete uploads a bucket's lifecycle rules abort; '' means all.

    A rule has its prefix in its filter, or in the older form directly (S3 API reference, LifecycleRule).
    Rules with tags or sizes are ignored, since S3 rejects such a rule
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
