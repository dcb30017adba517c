"""One SQS queue as the worker sees it: receive messages, keep them hidden, return or delete them.

Knows nothing of jobs. A job of a bundle may be sent on alone, before the bundle is deleted; nothing else is
ever sent, since a copy would be a second job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from worker.calls import GarbledAnswer
from worker.contract.bundles import ATTEMPTS, FIRST_SENT, SUBMISSION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

Result = TypeVar("Result")
Number = TypeVar("Number", int, float)

#: Visibility lasts at most 12 hours; SQS refuses a longer delay.
LONGEST_DELAY = 43_200
#: A message that is sent is delayed for at most 15 minutes, and a batch has ten (API reference,
#: SendMessageBatch). Entries that SQS could not take are sent so often.
LONGEST_SEND_DELAY, BATCH, ROUNDS = 900, 10, 4

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
    """A received message. `attempt` counts receives from 1; `sent_at` is in seconds since 1970.

    For a job of a bundle that was sent on alone, both go on from those of the bundle: `earlier` of the
    attempts were made before. `submission`: the one that it belongs to, '' if none.
    """

    message_id: str
    receipt: str
    body: str
    attempt: int
    sent_at: float
    earlier: int = 0
    submission: str = ""


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
            MessageAttributeNames=[SUBMISSION, ATTEMPTS, FIRST_SENT],
        )
        return _understood(lambda: next(map(_message, receive().get("Messages") or []), None))

    def extend(self, message: Message) -> bool:
        """Hide a message for the full visibility from now on. Return False if it is no longer ours."""
        return self._change(self._beat, message, self._visibility_seconds)

    def release(self, message: Message, delay_seconds: float = 0) -> bool:
        """Make a message visible again after `delay_seconds`. Return False if it is no longer ours."""
        return self._change(self._beat, message, min(int(delay_seconds), LONGEST_DELAY))

    def send_on(self, message: Message, bodies: Sequence[str], delay_seconds: float = 0) -> bool:
        """Send jobs of a message as messages of their own; return whether SQS has taken all of them."""
        known = {ATTEMPTS: str(message.attempt), FIRST_SENT: str(message.sent_at)}
        if message.submission:
            known[SUBMISSION] = message.submission
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in known.items()
        }
        delay = min(int(delay_seconds), LONGEST_SEND_DELAY)
        left: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": body, "DelaySeconds": delay, "MessageAttributes": attributes}
            for number, body in enumerate(bodies)
        ]
        for _ in range(ROUNDS):
            batches = [left[start : start + BATCH] for start in range(0, len(left), BATCH)]
            taken = {item for entries in batches for item in self._send(entries)}
            left = [entry for entry in left if entry["Id"] not in taken]
        return not left

    def _send(self, entries: Sequence[SendMessageBatchRequestEntryTypeDef]) -> list[str]:
        """Send a batch; return the ids that SQS has taken, for an entry can fail inside an HTTP 200."""
        send = partial(self._sqs.send_message_batch, QueueUrl=self._url, Entries=entries)
        return _understood(lambda: [item["Id"] for item in send().get("Successful", [])])

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
    sent = sent if 0 < sent < now + LATEST else now
    first_sent = _number(_said(message, FIRST_SENT), sent, float)
    earlier = max(0, _number(_said(message, ATTEMPTS), 0))
    return Message(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=body,
        attempt=max(1, attempt) + earlier,
        sent_at=first_sent if 0 < first_sent < sent else sent,
        earlier=earlier,
        submission=_said(message, SUBMISSION),
    )


def _said(message: Mapping[str, Any], name: str) -> str:
    """Return the text of a message's attribute, '' if it has none."""
    return str((message.get("MessageAttributes") or {}).get(name, {}).get("StringValue", ""))


def _number(value: Any, otherwise: Number, kind: Callable[[Any], Number] = int) -> Number:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise
