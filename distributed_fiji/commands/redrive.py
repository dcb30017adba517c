"""`redrive`: return dead-lettered jobs to the queue, to be tried again from the first attempt.

A letter is sent before it is deleted, so no job is lost if a redrive is killed. Letters that it had sent but
not deleted are sent again, and a worker skips the second if the first is done. SQS's own move task is not
used: it does not report which jobs it moved, and the monitor must know them. The jobs of a bundle return
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.deadletters import (
    DeadLetter,
    belongs_to_another,
    is_own,
    job_id_of,
    read_dead_letters,
)
from distributed_fiji.aws.queues import (
    BATCH,
    THREADS,
    NotSent,
    find_queue,
    in_batches,
    read_attributes,
    read_counts,
    read_queue,
    send_batch,
)
from distributed_fiji.clock import Clock
from distributed_fiji.commands.submit import submission_id
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobnames import called, name_in
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobnames import write_names
from distributed_fiji.state.submissions import REDRIVE, Submission, all_submissions, write_submission
from distributed_fiji.terminal import Terminal
from worker.contract.bundles import bodies_in
from worker.contract.jobs import InvalidMessage, decode_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds that a letter stays hidden after it was received for reading or moving, in case this ends
#: meanwhile.
HIDDEN_SECONDS = 120


@dataclass(frozen=True)
class Redriven:
    """How many letters returned to the queue, of which jobs, and how many the dead letters still report.

    Those are not requested, invalid, another app's, or still hidden after a killed redrive received them.
    """

    moved: int
    left: int
    jobs: frozenset[str] = frozenset()


def redrive(
    settings: Settings,
    clients: Clients,
    clock: Clock,
    terminal: Terminal,
    hidden_seconds: int = HIDDEN_SECONDS,
    only: frozenset[str] | None = None,
) -> Redriven:
    """Return the app's dead letters to its queue: all, or those of some jobs.

    This includes what a killed redrive left over. Raises NothingThere, InvalidInput, NotSent.
    """
    sqs = clients.sqs
    url, dead_url = read_queue(sqs, settings.SQS_QUEUE_NAME), find_queue(sqs, settings.SQS_DEAD_LETTER_QUEUE)
    if dead_url is None:
        return Redriven(0, 0)
    refuse_anothers(settings, clients, dead_url)
    letters = read_dead_letters(sqs, dead_url, read_counts(sqs, dead_url).left, hidden_seconds)
    mine = own = own_jobs(letters, settings, clients, dead_url)
    submissions = all_submissions(clients.s3, settings.AWS_BUCKET, settings.APP_NAME)
    if only is not None:
        mine &= only | interrupted(submissions)
        # A bundle that nobody could take apart returns as a whole.
        met = {letter.message_id for letter in letters if letter.job_id in mine}
        mine = own & {letter.job_id for letter in letters if letter.message_id in met}
    if mine:
        created = read_attributes(sqs, url)["CreatedTimestamp"]
        location = output_location(mine, submissions)
        submission = submission_of(mine, created, clock.now(), location)
        submission = write_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission)
        names = {letter.job_id: name_in(letter.body) for letter in letters if letter.job_id in mine}
        write_names(
            clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission.submission_id, names.items()
        )
        with terminal.counting("Moving dead letters", len(letters)) as progress:
            mover = Redrive(sqs, dead_url, url, mine, clock.sleep, hidden_seconds, submission.submission_id)
            move(mover, progress)
        write_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission.completed())
    moved = [letter.job_id for letter in letters if letter.job_id in mine]
    return Redriven(len(moved), read_counts(sqs, dead_url).left, frozenset(moved))


def interrupted(submissions: list[Submission]) -> frozenset[str]:
    """Return the jobs of killed redrives that have not been sent again since. `submissions`: oldest first.

    Each is recorded as submitted, but may still be a dead letter.
    """
    left: set[str] = set()
    for one in submissions:
        if one.complete:
            left.difference_update(one.job_ids)
        elif one.job_file == REDRIVE:
            left.update(one.job_ids)
    return frozenset(left)


def refuse_anothers(settings: Settings, clients: Clients, dead_url: str) -> None:
    """Raise InvalidInput if the dead-letter queue has another app's tag; its letters are not touched."""
    if belongs_to_another(clients.sqs, dead_url, settings.APP_NAME):
        name = settings.SQS_DEAD_LETTER_QUEUE
        problem = f"SQS_DEAD_LETTER_QUEUE = {name!r}: this queue belongs to another app"
        raise InvalidInput("No jobs were moved", [problem])


def own_jobs(
    letters: list[DeadLetter], settings: Settings, clients: Clients, dead_url: str
) -> frozenset[str]:
    """Return the ids of the jobs among the letters that are this app's.

    In a queue that several apps share, those are the jobs that this app has submitted.
    """
    name, app = settings.SQS_DEAD_LETTER_QUEUE, settings.APP_NAME
    jobs = frozenset(letter.job_id for letter in letters if _is_job(letter.body))
    if is_own(clients.sqs, dead_url, name, app):
        return jobs
    submissions = all_submissions(clients.s3, settings.AWS_BUCKET, app)
    return frozenset(job for job in jobs if any(job in one.job_ids for one in submissions))


def _is_job(body: str) -> bool:
    """Whether a message could be processed at all; one that could not would only come back."""
    try:
        decode_message(body)
    except InvalidMessage:
        return False
    return True


def output_location(jobs: frozenset[str], submissions: list[Submission]) -> str:
    """Return where the outputs of jobs were to go when they were submitted; '' if unknown.

    `submissions`: oldest first. If jobs of several files are dead letters, it is the latest file's.
    """
    named = (
        item.output_location for item in reversed(submissions) if any(job in item.job_ids for job in jobs)
    )
    return next(filter(None, named), "")


def submission_of(jobs: frozenset[str], queue_created: str, now: float, location: str) -> Submission:
    """Return a record that tells the monitor to expect these jobs to end once more."""
    ids = tuple(sorted(jobs))
    return Submission(submission_id(REDRIVE, ids, now), REDRIVE, queue_created, now, ids, location)


@dataclass(frozen=True)
class Redrive:
    """Source and destination of letters, which jobs to move, and the submission that they then belong to."""

    sqs: SQSClient
    dead_url: str
    url: str
    jobs: frozenset[str]
    sleep: Callable[[float], None]
    hidden_seconds: int
    submission: str


@dataclass(frozen=True)
class MovedBatch:
    """The result of one receive: how many letters, the receipts of those that stay, jobs that SQS refused."""

    count: int
    kept: list[str]
    refused: list[tuple[str, str]]


def move(mover: Redrive, progress: Callable[[int], None]) -> None:
    """Move letters in several threads until none arrives any more; make those that stay visible again.

    Raises NotSent, after everything else was moved, with the jobs that SQS refused.
    """
    kept: list[str] = []
    refused: list[tuple[str, str]] = []
    with ThreadPoolExecutor(THREADS) as pool:
        while any(handfuls := list(pool.map(move_some, THREADS * [mover]))):
            for handful in filter(None, handfuls):
                progress(handful.count)
                kept += handful.kept
                refused += handful.refused
    for start in range(0, len(kept), BATCH):
        entries: list[Any] = [
            entry | {"VisibilityTimeout": 0} for entry in _entries(kept[start : start + BATCH])
        ]
        mover.sqs.change_message_visibility_batch(QueueUrl=mover.dead_url, Entries=entries)
    if refused:
        listed = "\n".join(f"  - {job}: {reason}" for job, reason in refused[:20])
        raise NotSent(f"SQS refused {len(refused)} jobs, which are still dead letters:\n{listed}")


def move_some(mover: Redrive) -> MovedBatch | None:
    """Receive letters, send those of the jobs, then delete those that were sent; None if none arrived."""
    found = mover.sqs.receive_message(
        QueueUrl=mover.dead_url,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=mover.hidden_seconds,
        WaitTimeSeconds=1,
    ).get("Messages", [])
    if not found:
        return None
    letters = {str(number): message for number, message in enumerate(found)}
    bodies = {
        f"{number}-{place}": body
        for number, message in letters.items()
        for place, body in enumerate(bodies_in(message["Body"]))
    }
    jobs = {name: job_id_of(body) for name, body in bodies.items()}
    mine = {_letter_of(name) for name in jobs if jobs[name] in mover.jobs}
    refused = _send(mover, {name: body for name, body in bodies.items() if _letter_of(name) in mine})
    sent = mine - set(map(_letter_of, refused))
    if sent:
        receipts = _entries([letters[number]["ReceiptHandle"] for number in sorted(sent)])
        mover.sqs.delete_message_batch(QueueUrl=mover.dead_url, Entries=receipts)
    kept = [letters[number]["ReceiptHandle"] for number in letters.keys() - sent]
    named = {name: called(jobs[name], {jobs[name]: name_in(bodies[name])}) for name in refused}
    return MovedBatch(len(found), kept, [(named[name], reason) for name, reason in refused.items()])


def _send(mover: Redrive, bodies: dict[str, str]) -> dict[str, str]:
    """Send jobs; return why SQS refused some. Those of ten letters may exceed SQS's limit for a batch."""
    refused: dict[str, str] = {}
    for entries in in_batches(bodies.items(), mover.submission):
        refused.update(send_batch(mover.sqs, mover.url, entries, mover.sleep)[1])
    return refused


def _letter_of(name: str) -> str:
    """Return the number of a letter, from the name of one of its jobs."""
    return name.partition("-")[0]


def _entries(handles: list[str]) -> list[Any]:
    return [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
