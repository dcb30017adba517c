"""Which jobs are dead letters: read without hiding them for long, and written down before their queue goes.

Only the messages of this life of the queue and of this app count: the dead-letter queue may be shared.
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

#: Seconds that a letter stays hidden after it was read; a whole reading must fit, so that none comes twice.
HIDDEN_SECONDS = 30

#: Receives of one reading at most: what is not seen then is seen at the next look.
RECEIVES = 2000


@dataclass(frozen=True)
class DeadLetter:
    """A message that SQS gave up. `sent`: seconds since 1970, when it was sent first.

    SQS keeps that time when it moves a message to the dead letters (SQS developer guide, "Setting-up
    dead-letter queue retention").
    """

    message_id: str
    job_id: str
    sent: float
    receives: int
    body: str


def job_id_of(body: str) -> str:
    """Return the job id of a message body; of one that is no job, the name under which workers record it."""
    try:
        return decode_message(body).job_id
    except InvalidMessage:
        digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
        return f"rejected-{digest[:16]}"


def read_dead_letters(
    sqs: SQSClient, url: str, expected: int, hidden_seconds: int = HIDDEN_SECONDS
) -> list[DeadLetter]:
    """Return the letters of a queue, each once, until `expected` were seen or none comes any more.

    Receiving hides a letter, so that none comes twice, and counts as a receive, which ends nothing there:
    a dead-letter queue has no dead letters of its own. All are shown again at the end; where that fails
    they show themselves after half a minute.
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
    """Whether a queue is this app's alone: by its tag, or where it has none by its name."""
    tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
    if APP_TAG in tags:
        return tags[APP_TAG] == app_name
    return name in (f"{app_name}Queue", f"{app_name}DeadMessages")


def belongs_to_another(sqs: SQSClient, url: str, app_name: str) -> bool:
    """Whether a queue carries another app's tag."""
    return sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(APP_TAG, app_name) != app_name


def unreported(letter: DeadLetter, app_name: str, now: float) -> bytes:
    """Return a failure record, in the worker's form, for a letter of which no worker wrote one.

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
