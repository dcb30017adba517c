"""Remove waiting jobs from the queue: `submitJob --undo` and `submitJob --replace`.

A message names its submission in an attribute, so the same job of another submission or app stays. Messages
that workers hold are not received, and their jobs continue. If this is killed, nothing is lost: received
messages reappear by themselves, jobs leave their submission before their messages are deleted, and calling it
again continues.

SQS allows 120,000 messages of a queue in flight (SQS quotas); jobs behind more messages of others are not
found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.deadletters import job_id_of
from distributed_fiji.aws.queues import BATCH, THREADS, read_counts
from distributed_fiji.errors import InvalidInput
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobids import JobSet
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import new_run
from distributed_fiji.state.submissions import Submission, remove_submission, write_submission
from distributed_fiji.terminal import Terminal
from worker.contract.bundles import SUBMISSION, bodies_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

#: Seconds that messages stay hidden while the queue is searched: long enough for as many as may be in flight.
#: Otherwise they would reappear, and each receive counts towards SQS giving up on them.
HIDDEN_SECONDS = 600

#: How many messages are sorted at once.
AT_ONCE = 10_000


@dataclass(frozen=True)
class TakenBack:
    """What happened to submissions' jobs. `left`: those with a worker, or that have ended.

    `refused`: those whose messages SQS did not delete; they are still waiting.
    """

    taken: int
    left: int
    refused: int

    @property
    def sentence(self) -> str:
        """The same in words."""
        refused = (
            f" Still in the queue, because SQS did not delete them: {self.refused}." if self.refused else ""
        )
        return (
            f"Took back {counted(self.taken, 'job')} that were waiting. Running or finished:"
            f" {self.left}.{refused}"
        )


@dataclass(frozen=True)
class Waiting:
    """A received message: its receipt, its jobs, and the submission that it names, '' if none."""

    receipt: str
    job_ids: tuple[str, ...]
    submission_id: str


def latest_of(job_file: str, submissions: Sequence[Submission]) -> Submission:
    """Return the latest submission of a job file, from all, oldest first. Raises InvalidInput."""
    found = [one for one in submissions if one.job_file == job_file]
    if not found:
        there = ", ".join(sorted({one.job_file for one in submissions})) or "nothing"
        raise InvalidInput(
            "No jobs were taken back", [f"{job_file} was not submitted to this queue; {there} was"]
        )
    return found[-1]


class Shrinking:
    """Submissions that jobs leave, in the bucket too, so that nobody waits for them."""

    def __init__(self, settings: Settings, s3: S3Client, submissions: Iterable[Submission]) -> None:
        self._settings, self._s3 = settings, s3
        self._before = {one.submission_id: one for one in submissions}
        self._gone: dict[str, set[str]] = defaultdict(set)

    def __contains__(self, message: Waiting) -> bool:
        return message.submission_id in self._before

    @property
    def gone(self) -> int:
        """How many jobs have left."""
        return sum(map(len, self._gone.values()))

    @property
    def rest(self) -> list[Submission]:
        """The submissions with the jobs that stay."""
        return [self._rest(name) for name in self._before]

    def take(self, messages: Iterable[Waiting]) -> None:
        """Remove the messages' jobs from their submissions."""
        for one in messages:
            self._gone[one.submission_id].update(self._not_done(one))
        self._write(messages)

    def put_back(self, messages: Iterable[Waiting]) -> None:
        """Add the messages' jobs to their submissions again."""
        for one in messages:
            self._gone[one.submission_id].difference_update(one.job_ids)
        self._write(messages)

    def remove_empty(self) -> None:
        """Remove submissions that have no jobs left."""
        for one in self.rest:
            if not one.job_ids:
                remove_submission(
                    self._s3, self._settings.AWS_BUCKET, self._settings.APP_NAME, one.submission_id
                )

    def _not_done(self, message: Waiting) -> list[str]:
        """Return a message's jobs, of a bundle without those that a worker, gone since, had done."""
        since = self._before[message.submission_id].submitted_at
        done = self._written if len(message.job_ids) > 1 else {}
        return [job for job in message.job_ids if done.get(job, 0.0) < int(since)]

    @cached_property
    def _written(self) -> dict[str, float]:
        record = new_run(self._settings, started=0, run_id="", local=False)
        return dict(JobState(record, self._s3).manifests())

    def _rest(self, name: str) -> Submission:
        one = self._before[name]
        return replace(one, job_ids=JobSet.of(job for job in one.job_ids if job not in self._gone[name]))

    def _write(self, messages: Iterable[Waiting]) -> None:
        for name in {one.submission_id for one in messages}:
            write_submission(self._s3, self._settings.AWS_BUCKET, self._settings.APP_NAME, self._rest(name))


def take_back(
    settings: Settings,
    clients: Clients,
    url: str,
    submissions: Iterable[Submission],
    terminal: Terminal,
    hidden_seconds: int = HIDDEN_SECONDS,
) -> TakenBack:
    """Remove the waiting jobs of submissions from the queue and from the submissions."""
    sqs, shrinking = clients.sqs, Shrinking(settings, clients.s3, submissions)
    stay: set[str] = set()
    others: list[str] = []
    try:
        with terminal.counting("Looking through the queue", read_counts(sqs, url).visible) as progress:
            while found := _receive(sqs, url, hidden_seconds, progress):
                mine = [one for one in found if one in shrinking]
                others += [one.receipt for one in found if one not in shrinking]
                shrinking.take(mine)
                refused = _delete(sqs, url, mine)
                shrinking.put_back(refused)
                stay |= {job for one in refused for job in one.job_ids}
    finally:
        _show_again(sqs, url, others)
    shrinking.remove_empty()
    left = sum(job not in stay for one in shrinking.rest for job in one.job_ids)
    return TakenBack(shrinking.gone, left, len(stay))


def _receive(sqs: SQSClient, url: str, hidden_seconds: int, progress: Callable[[int], None]) -> list[Waiting]:
    """Return messages, at most some thousands; none if the queue has no more."""

    def some(_number: int) -> list[MessageTypeDef]:
        return sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,
            MessageAttributeNames=[SUBMISSION],
        ).get("Messages", [])

    found: list[Waiting] = []
    with ThreadPoolExecutor(THREADS) as pool:
        while len(found) < AT_ONCE:
            new = [_read(message) for messages in pool.map(some, range(THREADS)) for message in messages]
            if not new:
                break
            found += new
            progress(len(new))
    return found


def _read(message: Mapping[str, Any]) -> Waiting:
    attribute = message.get("MessageAttributes", {}).get(SUBMISSION, {})
    jobs = tuple(map(job_id_of, bodies_in(message["Body"])))
    return Waiting(message["ReceiptHandle"], jobs, attribute.get("StringValue", ""))


def _delete(sqs: SQSClient, url: str, messages: Sequence[Waiting]) -> list[Waiting]:
    """Delete messages; return those that SQS refuses inside its answer (DeleteMessageBatch)."""
    refused = []
    for start in range(0, len(messages), BATCH):
        batch = messages[start : start + BATCH]
        entries = _entries([one.receipt for one in batch])
        answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        refused += [batch[int(failure["Id"])] for failure in answer.get("Failed", [])]
    return refused


def _show_again(sqs: SQSClient, url: str, receipts: Sequence[str]) -> None:
    for start in range(0, len(receipts), BATCH):
        entries = [entry | {"VisibilityTimeout": 0} for entry in _entries(receipts[start : start + BATCH])]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _entries(receipts: Sequence[str]) -> list[Any]:
    return [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
