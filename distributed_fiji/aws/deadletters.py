"""Read the jobs in the dead-letter queue before it is deleted, without hiding them for long.

Only messages of this app, and of this lifetime of the queue, count: the dead-letter queue may be shared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from worker.contract.bundles import ATTEMPTS, FIRST_SENT, bodies_in
from worker.contract.jobs import APP_TAG, FailureClass, InvalidMessage, decode_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

#: Seconds that a letter stays hidden after it is read. A whole reading must fit, so that none comes twice:
#: so many letters take a second more, which is several times as long as THREADS need.
HIDDEN_SECONDS, LETTERS_A_SECOND = 30, 200

#: The most letters and receives of one reading. What it does not see is seen next time. SQS lets 120,000
#: messages of a queue be hidden at a time (SQS developer guide, "Quotas related to queues").
MOST_LETTERS, RECEIVES = 100_000, 20_000

#: Readers at the same time: one, and one more for each of these letters. SQS's batches have ten at most.
THREADS, FEW_LETTERS, BATCH = 16, 100, 10


@dataclass(frozen=True)
class DeadLetter:
    """A job that SQS gave up on. `sent`: when it was first sent, in seconds since 1970.

    The jobs of a bundle are letters of one message, each with the body that it would have alone. SQS keeps
    that time when it moves a message to the dead letters (SQS developer guide, "Setting-up dead-letter queue
    retention").
    """

    message_id: str
    job_id: str
    sent: float
    receives: int
    body: str


def job_id_of(body: str) -> str:
    """Return the job id of the body of one job.

    If it is not a job, return the name that workers use in its record.
    """
    try:
        return decode_message(body).job_id
    except InvalidMessage:
        digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
        return f"rejected-{digest[:16]}"


def read_dead_letters(
    sqs: SQSClient, url: str, expected: int, hidden_seconds: int = HIDDEN_SECONDS
) -> list[DeadLetter]:
    """Return a queue's letters, each once, until `expected` or MOST_LETTERS messages have been seen or no
    more arrive.

    Receiving hides a letter, so that none comes twice. It also counts as a receive, which has no effect here:
    a dead-letter queue has no dead letters of its own. All are made visible again at the end; if that fails,
    they reappear after half a minute, or later if there are thousands.
    """
    reading = _Reading(sqs, url, min(expected, MOST_LETTERS), hidden_seconds + expected // LETTERS_A_SECOND)
    with ThreadPoolExecutor(THREADS) as pool:
        readers = [pool.submit(reading.read) for _ in range(min(THREADS, 1 + expected // FEW_LETTERS))]
        for one in readers:
            one.result()
        for _ in pool.map(reading.show_again, range(0, len(reading.handles), BATCH)):
            pass
    return [letter for letters in reading.letters.values() for letter in letters]


class _Reading:
    """One reading of a queue by several threads. `handles`: receipts of all that was received."""

    def __init__(self, sqs: SQSClient, url: str, expected: int, hidden_seconds: int) -> None:
        self._sqs, self._url, self._expected, self._hidden_seconds = sqs, url, expected, hidden_seconds
        self.letters: dict[str, list[DeadLetter]] = {}
        self.handles: list[str] = []

    def read(self) -> None:
        """Receive until enough letters have been seen, or none that is new arrives."""
        for _ in range(RECEIVES):
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=self._hidden_seconds,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=[FIRST_SENT, ATTEMPTS],
            ).get("Messages", [])
            self.handles += [message["ReceiptHandle"] for message in messages]
            new = [message for message in messages if message["MessageId"] not in self.letters]
            self.letters.update((message["MessageId"], _letters(message)) for message in new)
            if not new or len(self.letters) >= self._expected:
                break

    def show_again(self, start: int) -> None:
        """Make a batch of what was received visible again."""
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for number, handle in enumerate(self.handles[start : start + BATCH])
        ]
        self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def _letters(message: Mapping[str, Any]) -> list[DeadLetter]:
    attributes, said = message["Attributes"], message.get("MessageAttributes", {})
    sent = int(attributes["SentTimestamp"]) / 1000
    receives = int(attributes["ApproximateReceiveCount"])
    with suppress(KeyError, ValueError):  # only what a worker sent on, out of a bundle, has these
        sent = min(sent, float(said[FIRST_SENT]["StringValue"]))
        receives += int(said[ATTEMPTS]["StringValue"])
    return [
        DeadLetter(message["MessageId"], job_id_of(body), sent, receives, body)
        for body in bodies_in(message["Body"])
    ]


def is_own(sqs: SQSClient, url: str, name: str, app_name: str) -> bool:
    """Whether a queue belongs to this app alone: by its tag, or by its name if it has none."""
    tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
    if APP_TAG in tags:
        return tags[APP_TAG] == app_name
    return name in (f"{app_name}Queue", f"{app_name}DeadMessages")


def belongs_to_another(sqs: SQSClient, url: str, app_name: str) -> bool:
    """Whether a queue has another app's tag."""
    return sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(APP_TAG, app_name) != app_name


def unreported(letter: DeadLetter, app_name: str, now: float) -> bytes:
    """Return a failure record, in the worker's form, for a letter that no worker recorded.

    `now`: seconds since 1970.
    """
    record: dict[str, Any] = {
        "outcome": "FAILED",
        "class": FailureClass.NEVER_ENDED.value,
        "sentence": "No worker reported a reason: every worker that received this job was lost",
        "line": None,
        "console": [],
        "message": letter.body,
        "app_name": app_name,
        "job_id": letter.job_id,
        "attempt": letter.receives,
        "time": datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds"),
        "time_seconds": round(now, 3),
    }
    return json.dumps(record, ensure_ascii=False, indent=1).encode()
