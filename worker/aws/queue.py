"""One SQS queue as the worker sees it: receive messages, keep them hidden, return or delete them.

Knows nothing of jobs. Messages are never sent, since a copy would be a second job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from worker.calls import GarbledAnswer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

Result = TypeVar("Result")

#: Visibility lasts at most 12 hours; SQS refuses a longer delay.
LONGEST_DELAY = 43_200

#: Seconds by which SQS's clock may be ahead of the machine's.
LATEST = 900

#: SQS's answers if a receipt handle is outdated or its message is gone (API reference, and emulators).
NOT_OURS = {
    "InvalidParameterValue",
    "ReceiptHandleIsInvalid",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
}


@dataclass(frozen=True)
class Message:
    """A received message. `attempt` counts receives from 1; `sent_at` is in seconds since 1970."""

    message_id: str
    receipt: str
    body: str
    attempt: int
    sent_at: float


@dataclass(frozen=True)
class Counts:
    """The queue's message counts. On AWS they are approximate for a minute after the last change."""

    visible: int
    in_flight: int


class Queue:
    """The queue of jobs. `beat` is a client with short time-outs, for calls that must not hang."""

    def __init__(self, sqs: SQSClient, beat: SQSClient, url: str, visibility_seconds: int) -> None:
        self._sqs = sqs
        self._beat = beat
        self._url = url
        self._visibility_seconds = visibility_seconds
        self._created: float | None = None

    def created(self) -> float:
        """Return when this queue was created (seconds since 1970); asked for once."""
        if self._created is None:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["CreatedTimestamp"])
            self._created = float(answer["Attributes"]["CreatedTimestamp"])
        return self._created

    def receive(self, wait_seconds: int) -> Message | None:
        """Return the next message, or None if none arrived within `wait_seconds` (0 to 20)."""
        receive = partial(
            self._sqs.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._visibility_seconds,
            AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return _understood(lambda: next(map(_message, receive().get("Messages") or []), None))

    def extend(self, message: Message) -> bool:
        """Hide a message for the full visibility from now on. Return False if it is no longer ours."""
        return self._change(self._beat, message, self._visibility_seconds)

    def release(self, message: Message, delay_seconds: float = 0) -> bool:
        """Make a message visible again after `delay_seconds`. Return False if it is no longer ours."""
        return self._change(self._beat, message, min(int(delay_seconds), LONGEST_DELAY))

    def _change(self, client: SQSClient, message: Message, seconds: int) -> bool:
        try:
            _understood(
                lambda: client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
                )
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NOT_OURS:
                return False
            raise
        return True

    def delete(self, message: Message) -> bool:
        """Delete a message. Return False if its receipt is outdated, so that it may be delivered again."""
        try:
            _understood(lambda: self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NOT_OURS:
                return False
            raise
        return True

    def counts(self) -> Counts:
        """Return how many messages are waiting, and how many are with workers."""
        wanted: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]

        def read() -> Counts:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=wanted)
            return Counts(*(max(0, int(answer["Attributes"][name])) for name in wanted))

        return _understood(read)


def _understood(call: Callable[[], Result]) -> Result:
    """Return a call's result. Raises GarbledAnswer if botocore or the worker cannot read the answer."""
    try:
        return call()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise GarbledAnswer(reason=f"{type(error).__name__}: {error!s:.200}") from error


def _message(message: Mapping[str, Any]) -> Message:
    """Return a message. Its count and time are useful but may be missing or wrong."""
    body, digest = message["Body"], message.get("MD5OfBody")
    if not all(isinstance(text, str) for text in (body, message["ReceiptHandle"], message["MessageId"])):
        raise TypeError("a message without text")
    if digest and digest != md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest():
        raise ValueError("a body that does not fit its digest")
    attributes = message.get("Attributes") or {}
    attempt = _number(attributes.get("ApproximateReceiveCount"), 1)
    # A time at which nobody can have sent it is ignored; then the message counts as just sent.
    sent = _number(attributes.get("SentTimestamp"), 0) / 1000
    now = time.time()
    return Message(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=body,
        attempt=max(1, attempt),
        sent_at=sent if 0 < sent < now + LATEST else now,
    )


def _number(value: Any, otherwise: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise
