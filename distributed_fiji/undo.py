"""`submitJob --undo`: what was submitted last from a job file leaves the queue again, if it still waits.

A message tells its submission by an attribute, so that the same job of another submission stays. What a
worker holds, or has done, is not taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from distributed_fiji import jobqueue
from distributed_fiji.aws import Clients
from distributed_fiji.deadletters import job_id_of
from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import Settings
from distributed_fiji.submissions import Submission, read_submissions, remove_submission, write_submission
from distributed_fiji.terminal import Terminal

#: Seconds that messages stay hidden while they are looked through; what is kept is shown again before.
HIDDEN_SECONDS = 60

#: Receives without a message after which the queue is taken for looked through (a long poll asks all servers;
#: SQS developer guide, "Long polling").
EMPTY_RECEIVES = 2


@dataclass(frozen=True)
class TakenBack:
    """How many jobs of a submission were taken back, and how many were not: at work, or done."""

    submission_id: str
    taken: int
    left: int


def take_back(settings: Settings, clients: Clients, job_file: str, terminal: Terminal) -> TakenBack:
    """Take the latest submission of a job file out of the queue. Raises NothingThere and InvalidInput."""
    url = jobqueue.read_queue(clients.sqs, settings.SQS_QUEUE_NAME)
    created = jobqueue.read_attributes(clients.sqs, url)["CreatedTimestamp"]
    submissions = read_submissions(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, created)
    submission = next((item for item in reversed(submissions) if item.job_file == job_file), None)
    if submission is None:
        there = ", ".join(sorted({item.job_file for item in submissions})) or "nothing"
        raise InvalidInput(
            "Nothing is taken back", [f"{job_file} was not submitted to this queue; {there} was"]
        )
    taken: set[str] = set()
    with terminal.counting(
        "Looking through the queue", jobqueue.read_counts(clients.sqs, url).left
    ) as progress:
        for job in _take(clients.sqs, url, submission):
            taken |= job
            progress(len(job))
    left = replace(submission, job_ids=tuple(job for job in submission.job_ids if job not in taken))
    if left.job_ids:
        write_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, left)
    else:
        remove_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission.submission_id)
    return TakenBack(submission.submission_id, len(taken), len(left.job_ids))


def _take(sqs: Any, url: str, submission: Submission) -> Iterator[set[str]]:
    """Delete the messages of a submission, yielding the jobs of each receive; show all others again."""
    kept: list[str] = []
    empty = 0
    try:
        while empty < EMPTY_RECEIVES:
            found = _receive(sqs, url)
            empty = 0 if found else empty + 1
            mine = [message for message in found if _is_of(message, submission)]
            kept += [message["ReceiptHandle"] for message in found if message not in mine]
            if mine:
                yield _delete(sqs, url, mine)
    finally:
        for start in range(0, len(kept), jobqueue.BATCH):
            entries = _entries(kept[start : start + jobqueue.BATCH])
            shown = [entry | {"VisibilityTimeout": 0} for entry in entries]
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=shown)


def _receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=jobqueue.BATCH,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=1,
        MessageAttributeNames=[jobqueue.SUBMISSION],
    ).get("Messages", [])


def _is_of(message: dict[str, Any], submission: Submission) -> bool:
    attribute = message.get("MessageAttributes", {}).get(jobqueue.SUBMISSION, {})
    return attribute.get("StringValue") == submission.submission_id


def _delete(sqs: Any, url: str, messages: list[dict[str, Any]]) -> set[str]:
    """Delete messages; return the jobs whose message SQS says is gone."""
    answer = sqs.delete_message_batch(
        QueueUrl=url, Entries=_entries([message["ReceiptHandle"] for message in messages])
    )
    return {job_id_of(messages[int(item["Id"])]["Body"]) for item in answer.get("Successful", [])}


def _entries(handles: list[str]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
