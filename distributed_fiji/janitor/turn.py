"""One round of the janitor at a time: it starts every five minutes, and a round may take up to fifteen.

Two rounds at once are harmless, since each step checks again before it acts; they would only do everything
twice, and send two mails. So if the bucket does not answer, a round goes on without its turn. A round that
dies blocks the next one only until its turn expires; a round at work keeps renewing it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import AwsError, error_code
from distributed_fiji.clock import Clock
from worker.contract.jobs import state_key
from worker.contract.state import MOST_BYTES, Unreadable, number, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds that a turn lasts, and after which it is renewed.
LASTS, RENEWED = 90, 30

#: S3's error codes for a conditional write to an object that has changed.
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@contextmanager
def turn(s3: S3Client, bucket: str, app_name: str, region: str, clock: Clock) -> Iterator[bool]:
    """Yield whether this round may go on, which is so unless another is at work; give up the turn
    afterwards.
    """
    mine = _Turn(s3, bucket, state_key(app_name, "rounds", f"{region}.json"), clock)
    if not mine.take():
        yield False
        return
    over = threading.Event()
    renewing = threading.Thread(target=mine.renew_until, args=(over,), daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        over.set()
        renewing.join()
        mine.write(0.0)


class _Turn:
    """The object that says until when a round is at work. `etag`: of our own last write; '' if none."""

    def __init__(self, s3: S3Client, bucket: str, key: str, clock: Clock) -> None:
        self._s3, self._bucket, self._key, self._clock = s3, bucket, key, clock
        self._etag = ""

    def take(self) -> bool:
        """Take the turn. Return False if another round has it, unless its time lies further ahead than any
        round writes.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key)
            until, self._etag = _until(answer["Body"].read(MOST_BYTES + 1)), answer["ETag"]
        except self._s3.exceptions.NoSuchKey:
            until = 0.0
        except AwsError:
            return True
        if self._clock.now() < until <= self._clock.now() + 2 * LASTS:
            return False
        condition = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        return self.write(self._clock.now() + LASTS, condition)

    def renew_until(self, over: threading.Event) -> None:
        """Renew the turn again and again until the round is over."""
        while not over.wait(RENEWED):
            self.write(self._clock.now() + LASTS)

    def write(self, until: float, condition: dict[str, Any] | None = None) -> bool:
        """Write until when a round is at work; return False if another has taken the turn.

        Without a condition, the object must be as we last wrote it.
        """
        if condition is None and not self._etag:
            return True
        condition = condition or {"IfMatch": self._etag}
        try:
            body = json.dumps({"until": until}).encode()
            self._etag = self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)[
                "ETag"
            ]
        except AwsError as error:
            self._etag = ""
            return not (isinstance(error, ClientError) and error_code(error) in LOST)
        return True


def _until(body: bytes) -> float:
    """Return until when another round may be at work (seconds since 1970); 0 if that cannot be read."""
    try:
        return number(read_object(body), "until", 0.0)
    except Unreadable:
        return 0.0
