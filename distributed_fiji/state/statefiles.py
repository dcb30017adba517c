"""Read objects of the run's state in the bucket. Objects that are not ours are ignored with a warning.

Standard library only, because the janitor's Lambda uses it too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from worker.contract.state import MOST_BYTES, Unreadable, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Value = TypeVar("Value")

log = logging.getLogger(__name__)

#: Warnings already given: a look comes every few seconds.
_warned: set[tuple[str, str]] = set()


def find_state(s3: S3Client, bucket: str, key: str, read: Callable[[dict[str, Any]], Value]) -> Value | None:
    """Return what `read` makes of an object; None if it does not exist, or is not what it should be.

    `read` may raise Unreadable, or any error that a document of another form causes.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    try:
        return read(read_object(answer["Body"].read(MOST_BYTES + 1)))
    except (Unreadable, RecursionError) as error:
        pass_over(bucket, key, str(error))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        pass_over(bucket, key, f"it is not in our format ({type(error).__name__}: {error!s:.100})")
    return None


def pass_over(bucket: str, key: str, reason: str) -> None:
    """Warn, once, that an object is ignored."""
    if (key, reason) not in _warned:
        _warned.add((key, reason))
        log.warning("Warning: s3://%s/%s is ignored: %s", bucket, key, reason)
