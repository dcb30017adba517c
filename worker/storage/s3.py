"""Small operations on S3: check, list, read and write objects, with retryable errors distinguished.

Knows nothing of jobs. Failures that a person must fix are JobFailed with a sentence; others are retried.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from worker.calls import CALL_ERRORS
from worker.contract.jobs import FailureClass
from worker.contract.patterns import common_start
from worker.contract.state import Unreadable, read_object
from worker.errors import JobFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Result = TypeVar("Result")

log = logging.getLogger(__name__)

#: Rounds in addition to botocore's own attempts, for a bucket that answers SlowDown for longer than those
#: last.
ROUNDS = 5
LONGEST_PAUSE = 20.0

#: Up to this many objects are looked up one by one; more are found with a listing.
FEW = 4
#: How many other objects a listing may contain between the wanted ones; after that, each is looked up.
LOOK_THROUGH = 3_000

DENIED_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")

TRANSIENT_CODES = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "TooManyRequestsException",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "InternalError",
    "ServiceUnavailable",
    "OperationAborted",
    "ConditionalRequestConflict",
    # The received data differs from the data sent.
    "BadDigest",
    "XAmzContentChecksumMismatch",
}


class MayBeTriedAgain(Exception):
    """Raised by an action that may succeed if retried."""


@dataclass(frozen=True)
class Object:
    """An object as S3 lists it: key, bytes, ETag with its quotation marks."""

    key: str
    size: int
    etag: str


def error_code(error: ClientError) -> str:
    """Return the code of an AWS error; for a HEAD, which has no body, the HTTP status as text."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed later: throttling, 5xx, connection errors, wrong checksums."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        # SQS adds a prefix to some codes, as in AWS.SimpleQueueService.ThrottlingException.
        code = error_code(error).rpartition(".")[2]
        return status >= 500 or status == 429 or code in TRANSIENT_CODES
    return isinstance(error, (*CALL_ERRORS, MayBeTriedAgain, ConnectionError, TimeoutError))


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that the local disk, or our quota on it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def retried(
    action: Callable[[], Result],
    check: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """Return what `action` returns; retry transient errors (exponential back-off, full jitter)."""
    for round_ in range(ROUNDS - 1):
        try:
            return action()
        except Exception as error:
            if not is_transient(error):
                raise
        pause = min(LONGEST_PAUSE, 2.0**round_) * chance()
        while pause > 0:
            check()
            sleep(min(0.2, pause))
            pause -= 0.2
    return action()


def age_of(answer: Mapping[str, Any]) -> float:
    """Return the seconds since the object of a GET's or HEAD's answer was written, by S3's own clock."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(date).timestamp() if date else time.time()
    return float(now - answer["LastModified"].timestamp())


def find_object(s3: S3Client, bucket: str, key: str) -> Object | None:
    """Return an object, or None if it does not exist."""
    try:
        answer = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    if "ContentLength" not in answer:
        # Proxies may drop the size from an answer without a body; a listing has it in the body.
        return next((item for item in list_objects(s3, bucket, key, most=1) if item.key == key), None)
    return Object(key, int(answer["ContentLength"]), answer["ETag"])


def list_objects(s3: S3Client, bucket: str, prefix: str, most: int | None = None) -> Iterator[Object]:
    """Yield the objects below a prefix in key order, at most `most` of them."""
    limit: dict[str, Any] = {"PaginationConfig": {"MaxItems": most}} if most else {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **limit):
        for item in page.get("Contents", []):
            yield Object(item["Key"], int(item["Size"]), item["ETag"])


def find_objects(s3: S3Client, bucket: str, keys: Iterable[str]) -> Iterator[Object]:
    """Yield those of `keys` that exist in a bucket, found one by one if they are few, else with a listing."""
    wanted = set(keys)
    if len(wanted) > FEW:
        common = common_start(wanted)
        for item in list_objects(s3, bucket, common, most=len(wanted) + LOOK_THROUGH):
            if item.key in wanted:
                wanted.discard(item.key)
                yield item
    for key in wanted:
        if found := find_object(s3, bucket, key):
            yield found


def read_json(s3: S3Client, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
    """Return a JSON object and its ETag, or None if it does not exist. Anything else in it reads as {}."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "404"):
            return None
        raise
    return json_object(answer["Body"].read(), f"s3://{bucket}/{key}"), answer["ETag"]


def json_object(body: bytes, address: str) -> dict[str, Any]:
    """Return the JSON object in a body. Anything else reads as {}, with a warning that names the address."""
    try:
        return read_object(body)
    except Unreadable as error:
        log.warning("%s is ignored: %s", address, error)
        return {}


def write_json(s3: S3Client, bucket: str, key: str, document: Any, **conditions: Any) -> str:
    """Write a JSON object and return its ETag. `conditions`: IfMatch or IfNoneMatch."""
    body = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace")
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **conditions)
    return str(answer["ETag"])


def as_failure(error: Exception, failure: FailureClass, address: str) -> JobFailed:
    """Return the job's failure for an error of S3 or the local disk during the transfer of `address`."""
    if is_disk_full(error):
        return JobFailed(FailureClass.DISK_FULL, f"The machine's disk was full while transferring {address}.")
    if isinstance(error, ClientError) and error_code(error) in ("AccessDenied", "403", "AllAccessDisabled"):
        # S3 often names the missing action, such as kms:Decrypt for an encrypted bucket.
        found = DENIED_ACTION.search(str(error))
        what = f"access denied: {found[1]}" if found else "access denied"
        return JobFailed(failure, f"The worker's role has no permission for {address} ({what}).")
    if isinstance(error, ClientError) and error_code(error) == "InvalidObjectState":
        # Objects in archive classes must be restored first (S3 API reference, GetObject).
        return JobFailed(failure, f"{address} is in an S3 archive class (Glacier): restore it first.")
    if isinstance(error, ClientError) and error_code(error) == "NoSuchBucket":
        return JobFailed(failure, f"The bucket of {address} does not exist.")
    return JobFailed(failure, f"{address} could not be transferred: {error}")


@contextlib.contextmanager
def failing_as(failure: FailureClass, address: str) -> Iterator[None]:
    """Turn errors of S3 or the disk into a job failure that names what was being transferred."""
    try:
        yield
    except (*CALL_ERRORS, OSError) as error:
        raise as_failure(error, failure, address) from error
