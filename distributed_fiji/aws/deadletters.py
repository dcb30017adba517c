"""Read the jobs in the dead-letter queue before it is deleted, without hiding them for long.

Only messages of this app, and of this lifetime of the queue, count: the dead-letter queue may be shared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from worker.contract.jobs import APP_TAG, FailureClass, InvalidMessage, decode_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

#: Seconds that a letter stays hidden after it is read. A whole reading must fit, so that none comes twice.
HIDDEN_SECONDS = 30

#: The most receives of one reading. What it does not see is seen next time.
RECEIVES = 2000


@dataclass(frozen=True)
class DeadLetter:
    """A message that SQS gave up on. `sent`: when it was first sent, in seconds since 1970.

    SQS keeps that time when it moves a message to the dead letters (SQS developer guide, "Setting-up
    dead-letter queue retention").
    """

    message_id: str
    job_id: str
    sent: float
    receives: int
    body: str


def job_id_of(body: str) -> str:
    """Return the job id of a message body.

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
    """Return a queue's letters, each once, until `expected` have been seen or no more arrive.

    Receiving hides a letter, so that none comes twice. It also counts as a receive, which has no effect here:
    a dead-letter queue has no dead letters of its own. All are made visible again at the end; if that fails,
    they reappear after half a minute.
    """
    letters: dict[str, DeadLetter] = {}
    handles: list[str] = []
    for _ in range(RECEIVES):
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        ).get("Messages", [])
        handles += [message["ReceiptHandle"] for message in messages]
        new = [message for message in messages if message["MessageId"] not in letters]
        letters.update((message["MessageId"], _letter(message)) for message in new)
        if not new or len(letters) >= expected:
            break
    _show_again(sqs, url, handles)
    return list(letters.values())


def _show_again(sqs: SQSClient, url: str, handles: list[str]) -> None:
    for start in range(0, len(handles), 10):
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for number, handle in enumerate(handles[start : start + 10])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _letter(message: Mapping[str, Any]) -> DeadLetter:
    attributes = message["Attributes"]
    return DeadLetter(
        message_id=message["MessageId"],
        job_id=job_id_of(message["Body"]),
        sent=int(attributes["SentTimestamp"]) / 1000,
        receives=int(attributes["ApproximateReceiveCount"]),
        body=message["Body"],
    )


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
