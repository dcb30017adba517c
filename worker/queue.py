"""One SQS queue as the worker sees it: messages come, are kept hidden, given back or deleted.

Knows nothing of jobs. A message is never sent: a copy would be a second job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

#: Visibility lasts 12 hours at most; a longer delay is refused by SQS.
LONGEST_DELAY = 43_200

#: What SQS answers when a receipt handle is out of date or its message gone (API reference, and emulators).
NOT_OURS = {
    "InvalidParameterValue",
    "ReceiptHandleIsInvalid",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
}


@dataclass(frozen=True)
class Message:
    """A received message. `attempt` counts its receives from 1; `sent_at` is in seconds since 1970."""

    message_id: str
    receipt: str
    body: str
    attempt: int
    sent_at: float


@dataclass(frozen=True)
class Counts:
    """What the queue says it holds; approximate on AWS for a minute after the last change."""

    visible: int
    in_flight: int


class Queue:
    """The queue of jobs. `beat` is a client with short time-outs, for what must not hang."""

    def __init__(self, sqs: Any, beat: Any, url: str, visibility_seconds: int) -> None:
        self._sqs = sqs
        self._beat = beat
        self._url = url
        self._visibility_seconds = visibility_seconds
        self._created: float | None = None

    def created(self) -> float:
        """Return when this life of the queue began (seconds since 1970); it is asked for once."""
        if self._created is None:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["CreatedTimestamp"])
            self._created = float(answer["Attributes"]["CreatedTimestamp"])
        return self._created

    def receive(self, wait_seconds: int) -> Message | None:
        """Return the next message, or None when none came within `wait_seconds` (0 to 20)."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._visibility_seconds,
            AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        for message in answer.get("Messages", []):
            attributes = message.get("Attributes", {})
            return Message(
                message_id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                attempt=int(attributes.get("ApproximateReceiveCount", 1)),
                sent_at=int(attributes.get("SentTimestamp", 0)) / 1000,
            )
        return None

    def extend(self, message: Message) -> bool:
        """Keep a message hidden for the whole visibility from now; False when it is no longer ours."""
        return self._change(self._beat, message, self._visibility_seconds)

    def release(self, message: Message, delay_seconds: float = 0) -> bool:
        """Let a message be seen again after `delay_seconds`; False when it is no longer ours."""
        return self._change(self._beat, message, min(int(delay_seconds), LONGEST_DELAY))

    def _change(self, client: Any, message: Message, seconds: int) -> bool:
        try:
            client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NOT_OURS:
                return False
            raise
        return True

    def delete(self, message: Message) -> bool:
        """Delete a message; False when its receipt is out of date, so that it may be delivered again."""
        try:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NOT_OURS:
                return False
            raise
        return True

    def counts(self) -> Counts:
        """Return how many messages wait and how many are with workers."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=wanted)
        visible, in_flight = (int(answer.get("Attributes", {}).get(name, 0)) for name in wanted)
        return Counts(visible=visible, in_flight=in_flight)
