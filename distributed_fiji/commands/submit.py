"""`submitJob`: send a checked job file's jobs to the queue, and store the list of them in the bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from distributed_fiji.aws import queues
from distributed_fiji.aws.clients import Clients
from distributed_fiji.clock import Clock
from distributed_fiji.commands.confirmations import Confirm, accept, again_findings, jobs_waiting
from distributed_fiji.commands.findings import settle
from distributed_fiji.commands.jobfindings import look_at_jobs
from distributed_fiji.commands.takeback import TakenBack, latest_of, take_back
from distributed_fiji.jobs import JobFile
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobids import JobSet, LastSubmitted
from distributed_fiji.state.jobnames import write_names
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import new_run
from distributed_fiji.state.submissions import Submission, read_submissions, write_submission
from distributed_fiji.terminal import Terminal


@dataclass(frozen=True)
class Submitted:
    """What submitJob did. `taken_back`: what --replace removed from the queue; None without --replace."""

    sent: int
    queue_url: str
    taken_back: TakenBack | None = None


@dataclass(frozen=True)
class Manner:
    """How jobs are submitted. `folder`: the base of a relative SCRIPT_DOWNLOAD_URL.

    `confirm`: asks before jobs are sent twice. `replace`: first take back the waiting jobs of earlier
    submissions. `bundle`: how many jobs may share a message.
    """

    folder: Path = Path()
    confirm: Confirm = accept
    replace: bool = False
    bundle: int = 1


def submit_job(
    settings: Settings,
    clients: Clients,
    file: tuple[str, JobFile],
    clock: Clock,
    terminal: Terminal,
    manner: Manner = Manner(),
) -> Submitted:
    """Send a job file's jobs. `file` is its name and its checked contents.

    Raises NothingThere, NotSent, and InvalidInput if the answer to a question is no.
    """
    name, jobs = file
    settle(f"{name} cannot be used", look_at_jobs(settings, clients, jobs, manner.folder), terminal)
    queue = read_queue(settings, clients)
    taken_back = None
    if manner.replace:
        taken_back = take_back(settings, clients, queue.url, queue.submissions, terminal)
    elif jobs_waiting(queue.left, queue.submissions, clock.now()):
        again = again_findings(len(jobs.job_ids), *not_done(settings, clients, jobs, queue.submissions))
        manner.confirm("No jobs were sent", again)
    submission = Submission(
        submission_id=submission_id(name, jobs.job_ids, clock.now()),
        job_file=name,
        queue_created=queue.created,
        submitted_at=clock.now(),
        job_ids=JobSet.of(jobs.job_ids),
        output_location=jobs.template.output_file_location,
        bundle=manner.bundle,
    )
    sent = send(settings, clients, queue.url, submission, jobs, clock, terminal)
    return Submitted(sent, queue.url, taken_back)


def undo(settings: Settings, clients: Clients, job_file: str, terminal: Terminal) -> TakenBack:
    """Take back the latest submission of a job file. Raises NothingThere and InvalidInput."""
    queue = read_queue(settings, clients)
    latest = latest_of(job_file, queue.submissions)
    return take_back(settings, clients, queue.url, [latest], terminal)


@dataclass(frozen=True)
class Queue:
    """A queue: `created` distinguishes its lifetimes.

    `left`: its number of messages. `submissions`: oldest first.
    """

    url: str
    created: str
    left: int
    submissions: list[Submission]


def read_queue(settings: Settings, clients: Clients) -> Queue:
    """Return the app's queue. Raises NothingThere."""
    url = queues.read_queue(clients.sqs, settings.SQS_QUEUE_NAME)
    attributes = queues.read_attributes(clients.sqs, url)
    created = attributes["CreatedTimestamp"]
    submissions = read_submissions(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, created)
    return Queue(url, created, queues.counts_in(attributes).left, submissions)


def send(
    settings: Settings,
    clients: Clients,
    url: str,
    submission: Submission,
    jobs: JobFile,
    clock: Clock,
    terminal: Terminal,
) -> int:
    """Send jobs; record their submission before the first and after the last one. Raises NotSent."""
    submission = write_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission)
    write_names(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission.submission_id, jobs.names())
    with terminal.counting("Sending jobs", len(jobs.job_ids)) as progress:
        sent = queues.send_jobs(
            clients.sqs,
            url,
            jobs,
            progress=progress,
            sleep=clock.sleep,
            submission=submission.submission_id,
            bundle=submission.bundle,
        )
    write_submission(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, submission.completed())
    return sent


def not_done(
    settings: Settings, clients: Clients, jobs: JobFile, earlier: list[Submission]
) -> tuple[int, Submission | None]:
    """Return how many jobs were submitted before and are not done since, and the first such submission."""
    known = LastSubmitted([one.job_ids for one in earlier], [one.submitted_at for one in earlier])
    again = bytearray(len(known.numbers))
    for job in jobs.job_ids:
        if (place := known.find(job)) is not None:
            again[place] = 1
    if not any(again):
        return 0, None
    record = new_run(settings, started=0, run_id="", local=False)
    for job, written in JobState(record, clients.s3).manifests():
        if (place := known.find(job)) is not None and written >= known.time_of(place):
            again[place] = 0
    times = {known.time_of(place) for place, one in enumerate(again) if one}
    return sum(again), next((one for one in earlier if one.submitted_at in times), None)


def submission_id(name: str, job_ids: Iterable[str], now: float) -> str:
    """Return a name that sorts by time and distinguishes submissions made in the same second."""
    digest = hashlib.sha256(f"{name} {now} ".encode())
    for job in job_ids:
        digest.update(job.encode())
    return f"{datetime.fromtimestamp(now, timezone.utc):%Y%m%dT%H%M%SZ}-{digest.hexdigest()[:8]}"
