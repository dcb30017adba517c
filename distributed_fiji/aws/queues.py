"""The queue and its dead letters: create, fill in batches of ten, count."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from distributed_fiji.aws.eventually import OTHER_SECONDS, QUEUE_IS_LATE, until_seen
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.errors import DistributedFijiError, NothingThere
from distributed_fiji.jobnames import called, name_in
from worker.contract.bundles import SUBMISSION, bodies_in, bundled
from worker.contract.jobs import (
    APP_TAG,
    MAX_MESSAGE_BYTES,
    SPARE_RECEIVES,
    Job,
    decode_message,
    encode_message,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import CreateQueueResultTypeDef
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

    from distributed_fiji.settings import Settings

#: A queue's attributes in SQS's form: text values by the names that it knows.
Attributes: TypeAlias = "Mapping[QueueAttributeNameType, str]"

#: SQS keeps messages for at most 14 days. With the default of four, a long run would lose jobs.
RETENTION_SECONDS = 14 * 24 * 3600

#: A deleted queue's name stays taken for 60 seconds (SQS API reference, CreateQueue): how long to retry, and
#: how often.
NAME_TAKEN_SECONDS, ASK_SECONDS = 90, 2

#: Batches sent at once. With 20 ms per request, 16 send 1,000 jobs a hundred times as fast as one by one.
THREADS = 16

#: Entries per batch (SQS quota).
BATCH = 10

#: How often the failed entries of a batch are sent again before they are reported.
RESENDS = 6


@dataclass(frozen=True)
class Counts:
    """A queue's approximate counts; wrong for a minute or more after a change (SQS API reference)."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def left(self) -> int:
        return self.visible + self.in_flight + self.delayed


class NotSent(DistributedFijiError):
    """Raised when SQS refused jobs permanently; names them. All others were sent."""


def find_queue(sqs: SQSClient, name: str) -> str | None:
    """Return the URL of the queue with exactly this name, or None."""
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None


def read_queue(sqs: SQSClient, name: str) -> str:
    """Return a queue's URL. Raises NothingThere if setup has not been run."""
    url = find_queue(sqs, name)
    if url is None:
        raise NothingThere(f"Queue {name} does not exist. Run `python run.py setup` first.")
    return url


def read_attributes(sqs: SQSClient, url: str) -> dict[str, str]:
    """Return all attributes of a queue, as text, which is SQS's form."""
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].items())


def read_counts(sqs: SQSClient, url: str) -> Counts:
    """Return a queue's message counts: visible, in flight, delayed."""
    return counts_in(read_attributes(sqs, url))


def counts_in(attributes: Mapping[str, str]) -> Counts:
    """Return the message counts in a queue's attributes."""
    return Counts(
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(attributes.get("ApproximateNumberOfMessagesDelayed", 0)),
    )


def ensure_queues(
    sqs: SQSClient, settings: Settings, clock: Clock, tell: Callable[[str], None]
) -> tuple[str, list[Change]]:
    """Create or update the dead-letter queue and the queue; return the queue's URL and what was done.

    A new queue may not be visible for a second or more (SQS API reference, CreateQueue). So its ARN is
    derived from its URL, and this waits for each queue, because the next command needs it.
    """

    def ensure(name: str, attributes: Attributes) -> tuple[str, Change]:
        return ensure_queue(
            sqs, name, attributes, partial(_create_queue, sqs, settings.APP_NAME, clock, tell)
        )

    retention: Attributes = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
    dead_url, dead = ensure(settings.SQS_DEAD_LETTER_QUEUE, retention)
    redrive = {
        "deadLetterTargetArn": queue_arn(dead_url, settings.AWS_REGION),
        "maxReceiveCount": settings.JOB_RETRIES + SPARE_RECEIVES,
    }
    attributes: Attributes = {
        "VisibilityTimeout": str(settings.SQS_MESSAGE_VISIBILITY),
        "RedrivePolicy": json.dumps(redrive),
        **retention,
    }
    url, queue = ensure(settings.SQS_QUEUE_NAME, attributes)
    return url, [queue, dead]


def queue_arn(url: str, region: str) -> str:
    """Return a queue's ARN, derived from its URL.

    The URL ends with the account and the name (SQS developer guide, "Queue and message identifiers").
    """
    _, account, name = url.rsplit("/", 2)
    return f"arn:aws:sqs:{region}:{account}:{name}"


def _create_queue(
    sqs: SQSClient,
    app_name: str,
    clock: Clock,
    tell: Callable[[str], None],
    name: str,
    attributes: Attributes,
) -> str:
    """Create a queue and wait until it is visible; return its URL.

    SQS frees a deleted queue's name after a minute; this waits for that too.
    """
    until = clock.now() + NAME_TAKEN_SECONDS

    def create() -> CreateQueueResultTypeDef:
        return sqs.create_queue(QueueName=name, Attributes=attributes, tags={APP_TAG: app_name})

    while True:
        try:
            until_seen(create, QUEUE_IS_LATE, clock, OTHER_SECONDS)
        except sqs.exceptions.QueueDeletedRecently:
            if clock.now() > until:
                raise
            tell(f"Queue {name} was deleted within the last minute; waiting until its name is free")
            clock.sleep(ASK_SECONDS)
        else:
            found = until_seen(lambda: sqs.get_queue_url(QueueName=name), QUEUE_IS_LATE, clock, OTHER_SECONDS)
            return found["QueueUrl"]


def ensure_queue(
    sqs: SQSClient, name: str, wanted: Attributes, create: Callable[[str, Attributes], str]
) -> tuple[str, Change]:
    """Return a queue's URL, creating it with `create` or updating attributes that differ."""
    url = find_queue(sqs, name)
    if url is None:
        return create(name, wanted), Change("queue", name, "created")
    differing = differing_attributes(read_attributes(sqs, url), wanted)
    if differing:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={key: wanted[key] for key in differing})
    return url, Change.of("queue", name, created=False, changed=bool(differing), detail=", ".join(differing))


def differing_attributes(current: Mapping[str, str], wanted: Attributes) -> list[QueueAttributeNameType]:
    """Name the attributes that differ from the wanted ones. JSON is compared by content, numbers by value."""

    def plain(text: str | None) -> Any:
        if text is None or not text.startswith("{"):
            return text
        return {key: str(value) for key, value in json.loads(text).items()}

    return [key for key, value in wanted.items() if plain(current.get(key)) != plain(value)]


def batches(jobs: Iterable[Job], submission: str = "", bundle: int = 1) -> Iterator[list[Entry]]:
    """Yield jobs, up to `bundle` in a message, as batches of SendMessageBatch entries within SQS's limits."""
    bodies = ((job.job_id, encode_message(job)) for job in jobs)
    return in_batches(bundled(bodies, bundle, mark_bytes(submission)), submission)


def in_batches(bodies: Iterable[tuple[str, str]], submission: str) -> Iterator[list[Entry]]:
    """Yield SendMessageBatch entries of (id, body)s: at most ten, and no more bytes in total than SQS takes.

    `submission`: a mark in the messages that distinguishes those of one submission from another's.
    """
    marked: Entry = {"Id": "", "MessageBody": ""}
    if submission:
        marked["MessageAttributes"] = {SUBMISSION: {"DataType": "String", "StringValue": submission}}
    entries: list[Entry] = []
    size, mark = 0, mark_bytes(submission)
    for number, body in bodies:
        length = len(body.encode("utf-8")) + mark
        if len(entries) == BATCH or (entries and size + length > MAX_MESSAGE_BYTES):
            yield entries
            entries, size = [], 0
        entries.append({**marked, "Id": number, "MessageBody": body})
        size += length
    if entries:
        yield entries


def mark_bytes(submission: str) -> int:
    """Return how much of SQS's limit of bytes a message's mark uses.

    An attribute's name, type and value all count (SQS developer guide, "Amazon SQS message metadata").
    """
    return len(SUBMISSION) + len("String") + len(submission) if submission else 0


def send_jobs(
    sqs: SQSClient,
    url: str,
    jobs: Iterable[Job],
    *,
    progress: Callable[[int], None],
    sleep: Callable[[float], None],
    submission: str = "",
    bundle: int = 1,
) -> int:
    """Send jobs from several threads; return how many SQS took. `progress` gets each batch's count.

    `bundle`: how many may share a message. One batch per thread is in memory. Raises NotSent, after
    everything else was sent, with the jobs that SQS refused.
    """
    outbox = _Outbox(batches(jobs, submission, bundle), partial(_send_named, sqs, url, sleep=sleep), progress)
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for sender in as_completed([pool.submit(outbox.empty) for _ in range(THREADS)]):
                sender.result()
        except BaseException:
            outbox.close()
            raise
    if outbox.refused:
        listed = "\n".join(f"  - {job}: {reason}" for job, reason in outbox.refused[:20])
        raise NotSent(
            f"{outbox.sent} jobs were sent, {len(outbox.refused)} were refused. Submit the file again with"
            f" --replace:\n{listed}"
        )
    return outbox.sent


class _Outbox:
    """Batches, and what became of them. Threads take the next one themselves: handing over costs more."""

    def __init__(
        self,
        waiting: Iterator[list[Entry]],
        send: Callable[[list[Entry]], tuple[int, list[tuple[str, str]]]],
        progress: Callable[[int], None],
    ) -> None:
        self._waiting, self._send, self._progress = waiting, send, progress
        self._lock = threading.Lock()
        self.sent = 0
        self.refused: list[tuple[str, str]] = []

    def empty(self) -> None:
        """Send batches until none is left."""
        taken, refused = 0, list[tuple[str, str]]()
        while entries := self._next(taken, refused):
            taken, refused = self._send(entries)

    def _next(self, taken: int, refused: list[tuple[str, str]]) -> list[Entry]:
        """Note what became of the last batch; return the next one."""
        with self._lock:
            self.sent += taken
            self.refused += refused
            self._progress(taken)
            return next(self._waiting, [])

    def close(self) -> None:
        """Let no thread begin with another batch."""
        with self._lock:
            self._waiting = iter(())


def _send_named(
    sqs: SQSClient,
    url: str,
    entries: list[Entry],
    sleep: Callable[[float], None],
) -> tuple[int, list[tuple[str, str]]]:
    """Send a batch as `send_batch` does; return how many jobs were sent, and those refused by the names that
    people know.
    """
    _, refused = send_batch(sqs, url, entries, sleep)
    bodies = {entry["Id"]: bodies_in(entry["MessageBody"]) for entry in entries}
    named = [(_called(body), reason) for first, reason in refused for body in bodies[first]]
    return sum(map(len, bodies.values())) - len(named), named


def _called(body: str) -> str:
    job = decode_message(body).job_id
    return called(job, {job: name_in(body)})


def send_batch(
    sqs: SQSClient,
    url: str,
    entries: list[Entry],
    sleep: Callable[[float], None],
) -> tuple[int, list[tuple[str, str]]]:
    """Send one batch, resending entries that failed; return how many were sent, and (id, reason)s.

    An entry can fail inside an HTTP 200 (SQS API reference, SendMessageBatch). One that is the sender's fault
    would fail again.
    """
    taken, refused = 0, []
    for attempt in range(RESENDS):
        response = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        taken += len(response.get("Successful", []))
        failed = response.get("Failed", [])
        refused += [
            (item["Id"], item.get("Message") or item["Code"]) for item in failed if item["SenderFault"]
        ]
        again = {item["Id"] for item in failed if not item["SenderFault"]}
        entries = [entry for entry in entries if entry["Id"] in again]
        if not entries:
            return taken, refused
        sleep(random.uniform(0, 0.2 * 2**attempt))
    return taken, refused + [(entry["Id"], f"SQS failed {RESENDS} times") for entry in entries]


def queue_attributes(sqs: SQSClient, name: str) -> dict[str, str] | None:
    """Return a queue's attributes and its QueueUrl, or None if there is no such queue."""
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return read_attributes(sqs, url) | {"QueueUrl": url}
    except sqs.exceptions.QueueDoesNotExist:
        return None


def remove_queue(sqs: SQSClient, name: str) -> str | None:
    """Delete a queue."""
    try:
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return f"queue {name} deleted"


def messages_left(sqs: SQSClient, name: str) -> int:
    """Return how many messages a queue reports; 0 if it does not exist."""
    attributes = queue_attributes(sqs, name)
    return counts_in(attributes).left if attributes else 0
