"""Take the waiting jobs of earlier submissions back out of the queue: `submitJob --replace`.

Only jobs that this app has submitted to this life of the queue are taken; all other messages are shown again.
A job that a worker has is not in the way of a receive, and runs on. Killed midway, this loses nothing: what
was received comes back by itself, and what was taken out is in no submission any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from distributed_fiji.deadletters import job_id_of
from distributed_fiji.jobqueue import BATCH, THREADS, read_counts
from distributed_fiji.settings import Settings
from distributed_fiji.submissions import Submission, write_submission

#: Seconds that messages stay hidden while they are sorted, and how many are sorted at once: SQS lets 120,000
#: of a queue be in flight (SQS quotas).
HIDDEN_SECONDS, AT_ONCE = 600, 10_000


@dataclass(frozen=True)
class TakenBack:
    """How many jobs were taken back, are with workers, and could not be taken out of the queue."""

    taken: int
    in_flight: int
    refused: int

    @property
    def sentence(self) -> str:
        """What became of the earlier jobs, in words."""
        refused = f" {self.refused} could not be taken out and stay in the queue." if self.refused else ""
        return (
            f"Took back {self.taken} jobs that waited; {self.in_flight} are with workers, by the queue's"
            f" count, and run on.{refused}"
        )


def take_back(
    settings: Settings, s3: Any, sqs: Any, url: str, submissions: Sequence[Submission]
) -> TakenBack:
    """Take the waiting jobs of submissions out of the queue, and out of the submissions."""
    in_flight = read_counts(sqs, url).running
    mine = frozenset(job for one in submissions for job in one.job_ids)
    submissions, taken, refused = list(submissions), 0, 0
    others: list[str] = []
    while found := _receive(sqs, url):
        jobs = {handle: job_id_of(body) for handle, body in found.items()}
        handles = [handle for handle, job in jobs.items() if job in mine]
        others += [handle for handle, job in jobs.items() if job not in mine]
        submissions = _without(settings, s3, submissions, frozenset(jobs[handle] for handle in handles))
        failed = _delete(sqs, url, handles)
        taken, refused = taken + len(handles) - failed, refused + failed
    for batch in _batches(others):
        entries = [entry | {"VisibilityTimeout": 0} for entry in _entries(batch)]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    return TakenBack(taken, in_flight, refused)


def _receive(sqs: Any, url: str) -> dict[str, str]:
    """Return bodies by their receipts, some thousands at most; none where the queue has no more to give."""

    def some(_number: int) -> list[dict[str, str]]:
        return sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
        ).get("Messages", [])

    found: dict[str, str] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        while len(found) < AT_ONCE:
            new = [message for messages in pool.map(some, range(THREADS)) for message in messages]
            found |= {message["ReceiptHandle"]: message["Body"] for message in new}
            if not new:
                break
    return found


def _without(
    settings: Settings, s3: Any, submissions: list[Submission], jobs: frozenset[str]
) -> list[Submission]:
    """Take jobs out of submissions, in the bucket too: nobody is to wait for them."""
    rest = []
    for one in submissions:
        if jobs.isdisjoint(one.job_ids):
            rest.append(one)
            continue
        changed = replace(one, job_ids=tuple(job for job in one.job_ids if job not in jobs))
        write_submission(s3, settings.AWS_BUCKET, settings.APP_NAME, changed)
        rest.append(changed)
    return rest


def _delete(sqs: Any, url: str, handles: list[str]) -> int:
    """Delete messages; return how many SQS refuses inside its answer (DeleteMessageBatch)."""
    failed = 0
    for batch in _batches(handles):
        failed += len(sqs.delete_message_batch(QueueUrl=url, Entries=_entries(batch)).get("Failed", []))
    return failed


def _batches(handles: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(handles), BATCH):
        yield handles[start : start + BATCH]


def _entries(handles: list[str]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
