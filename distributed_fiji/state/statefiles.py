"""Read what stands in the run's state in the bucket; what is not ours is passed over with a warning.

Standard library only: the janitor's Lambda reads by it too.
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

#: What was warned of already: a look comes every few seconds.
_warned: set[tuple[str, str]] = set()


def find_state(s3: S3Client, bucket: str, key: str, read: Callable[[dict[str, Any]], Value]) -> Value | None:
    """Return what `read` makes of a state's object; None where it is not there, or not what it should be.

    `read` may raise Unreadable, or what a document of another form makes it raise.
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
    """Warn once of an object that is passed over."""
    if (key, reason) not in _warned:
        _warned.add((key, reason))
        log.warning("Warning: s3://%s/%s is ignored: %s", bucket, key, reason)
