"""Jobs that share messages: submitted, counted, taken back and returned one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.queues import queue_attributes
from distributed_fiji.commands.bundling import choose_bundle, jobs_left
from distributed_fiji.commands.costmodel import Span, Workload
from distributed_fiji.commands.redrive import redrive
from distributed_fiji.commands.submit import read_queue
from distributed_fiji.commands.takeback import TakenBack, take_back
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.snapshot import Jobs
from distributed_fiji.monitor.takedown import record_dead_letters
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.state.submissions import Submission, all_submissions, write_submission
from tests.monitor.builders import EmulatedSession, SteppedClock
from tests.monitor.flow import JOBS, WELLS, Flow
from tests.monitor.screen import Screen
from tests.monitor.test_redrive import HIDDEN, queued, send_dead
from tests.worker import harness
from worker.contract.bundles import bundled
from worker.contract.jobs import Job, encode_message, manifest_key


def run_of(flow: Flow) -> Run:
    return replace(new_run(flow.settings, started=0, run_id="run", local=False), queue_created="")


def finish(flow: Flow, *jobs: Job) -> None:
    """Write the jobs' manifests."""
    for job in jobs:
        key = manifest_key(flow.app, job.job_id)
        flow.clients.s3.put_object(Bucket=flow.settings.AWS_BUCKET, Key=key, Body=b"{}")


def submissions(flow: Flow) -> list[Submission]:
    return all_submissions(flow.clients.s3, flow.settings.AWS_BUCKET, flow.app)


def jobs_of_file() -> list[Job]:
    return list(parse_job_file(JOBS, "jobs.json"))


def bundle_of(jobs: list[Job]) -> str:
    ((_, body),) = bundled(((job.job_id, encode_message(job)) for job in jobs), 100)
    return body


def test_a_submission_in_bundles_has_fewer_messages_and_the_same_jobs(flow: Flow) -> None:
    sent = flow.submit(flow.clients, bundle=5)

    queue = read_queue(flow.settings, flow.clients)
    assert (sent, queue.left) == (len(WELLS), 3)
    (submission,) = queue.submissions
    assert set(submission.job_ids) == {job.job_id for job in jobs_of_file()}
    assert submission.bundle == 5
    finish(flow, jobs_of_file()[0])
    left = jobs_left(flow.settings, flow.clients.s3, queue.submissions, queue.left)
    assert left == len(WELLS) - 1, "what a run costs depends on its jobs, not on its messages"
    bodies = flow.messages()
    assert [len(body.get("jobs", [body])) for body in bodies] == [5, 5, 2]


def test_a_bundle_is_taken_back_with_each_of_its_jobs_but_those_that_are_done(flow: Flow) -> None:
    """A worker had done two jobs of a bundle, and was killed: the bundle waits again."""
    flow.submit(flow.clients, bundle=5)
    done = jobs_of_file()[:2]
    finish(flow, *done)
    queue = read_queue(flow.settings, flow.clients)

    found = take_back(flow.settings, flow.clients, queue.url, queue.submissions, Screen().terminal, HIDDEN)

    assert found == TakenBack(taken=len(WELLS) - 2, left=2, refused=0)
    (rest,) = submissions(flow)
    assert set(rest.job_ids) == {job.job_id for job in done}
    assert flow.messages() == []


@pytest.mark.parametrize("asked", ["all", "one of them"])
def test_a_dead_bundle_returns_as_its_jobs_each_alone(flow: Flow, asked: str) -> None:
    """With one of them, all return: a letter is there as a whole or not at all."""
    jobs, other = jobs_of_file(), Job({"Well": "H12"}, "out")
    send_dead(flow, [bundle_of(jobs), encode_message(other)])
    only = frozenset({jobs[3].job_id}) if asked != "all" else None
    clock = SteppedClock(time.time())

    found = redrive(flow.settings, flow.clients, clock, Screen().terminal, HIDDEN, only)

    back = jobs if only else [*jobs, other]
    assert (found.moved, found.left) == (len(back), 1 if only else 0)
    assert found.jobs == {job.job_id for job in back}
    in_queue = queued(flow)
    assert (in_queue.total(), len(in_queue)) == (len(back), len(back))
    (submission,) = submissions(flow)
    assert set(submission.job_ids) == found.jobs


def test_of_a_dead_bundle_what_is_no_job_goes_back_too_and_is_counted_as_none(flow: Flow) -> None:
    jobs = jobs_of_file()[:2]
    send_dead(flow, [f'{{"jobs":[{encode_message(jobs[0])},{{"no": "job"}},{encode_message(jobs[1])}]}}'])
    clock, only = SteppedClock(time.time()), frozenset({jobs[0].job_id})

    found = redrive(flow.settings, flow.clients, clock, Screen().terminal, HIDDEN, only)

    assert (found.moved, found.left) == (2, 0)
    assert queued(flow).total() == 3
    assert set(submissions(flow)[0].job_ids) == {job.job_id for job in jobs}


def test_at_the_end_each_lost_job_of_a_dead_bundle_is_recorded_and_no_job_that_was_done(flow: Flow) -> None:
    jobs = jobs_of_file()
    send_dead(flow, [bundle_of(jobs)])
    finish(flow, *jobs[:2])
    run = run_of(flow)

    said = record_dead_letters(run, flow.clients, SteppedClock(time.time()))

    assert said == "recorded 10 dead letters that no worker had reported"
    state = JobState(run, flow.clients.s3)
    records = state.failures()
    assert set(records) == {job.job_id for job in jobs[2:]}
    record = state.read_failure(records[jobs[5].job_id][0][0])
    assert record["message"] == encode_message(jobs[5])


@pytest.fixture
def real(session: EmulatedSession, tmp_path: Path) -> Iterator[harness.Run]:
    with harness.a_run(harness.connect(session.data), tmp_path, retries=2) as run:
        yield run


def test_the_monitors_counts_are_right_from_the_first_job_of_bundles_to_the_last(
    real: harness.Run, clients: Clients
) -> None:
    """Two workers, one of which is killed in the middle; one job fails until it is given up."""
    jobs = [harness.a_job(number, sleep=0.2) for number in range(11)]
    broken = harness.a_job(99, fail="script_error")
    jobs.insert(3, broken)
    attributes = queue_attributes(clients.sqs, real.app_name)
    assert attributes
    created = attributes["CreatedTimestamp"]
    ids = tuple(job.job_id for job in jobs)
    submission = Submission("one", "job.json", created, time.time(), ids, complete=True, bundle=6)
    write_submission(clients.s3, real.bucket, real.app_name, submission)
    harness.submit(real, [bundle_of(jobs[:6]), bundle_of(jobs[6:])])
    flow = Flow(real.app_name.title(), real.folder, clients)
    names = {"SQS_QUEUE_NAME": real.app_name, "SQS_DEAD_LETTER_QUEUE": f"{real.app_name}-dead"}
    settings = flow.settings.model_copy(
        update={**names, "AWS_BUCKET": real.bucket, "APP_NAME": real.app_name}
    )
    watching = Observer(new_run(settings, started=0, run_id="run", local=False), clients)
    quick: dict[str, Any] = {"SQS_MESSAGE_VISIBILITY": 3, "HEARTBEAT_SECONDS": 0.5}
    killed = harness.start_worker(real, **quick)
    looks: list[Jobs] = []

    def look() -> Jobs:
        looks.append(watching.read_jobs(queue_attributes(clients.sqs, real.app_name), letters=False))
        return looks[-1]

    harness.wait_until(lambda: look().done_ids, what="a job is done")
    killed.process.kill()
    workers = [harness.start_worker(real, **quick) for _ in range(2)]
    harness.wait_until(lambda: len(look().done_ids) == 11, 60, "all others are done")
    harness.wait_until(lambda: sum(harness.counts(real, real.dead_url)), 60, "SQS has given it up")
    harness.wait_until_settled(real)
    assert [worker.stop() for worker in workers] == [0, 0]

    last = watching.read_jobs(queue_attributes(clients.sqs, real.app_name))
    assert (last.done, last.dead, last.unaccounted) == (11, {broken.job_id}, set())
    assert (last.dead_letters, last.failed_attempts, last.failing) == (1, 2, {broken.job_id})
    assert last.bundled
    for seen in looks:
        assert len(seen.done_ids) + len(seen.unaccounted) == 12
    assert harness.check_settled(real, jobs) == [broken]


@pytest.mark.parametrize(
    ("seconds", "jobs", "tasks", "most", "words"),
    [
        (1.0, 100_000, 40, 75, "a job takes about 1.0 s"),
        (0.1, 100_000, 40, 100, "a job takes about 0.1 s"),
        (30.0, 100_000, 40, 2, "a job takes about 30.0 s"),
        (80.0, 100_000, 40, 1, "sent alone: a job takes about 80.0 s"),
        (1.0, 1_600, 40, 10, "there are 1,600, and each of 40 tasks is to get 4 messages"),
        (1.0, 100, 40, 1, "sent alone: there are 100, and each of 40 tasks"),
        (None, 100_000, 40, 1, "nothing is known"),
    ],
)
def test_a_bundle_lasts_a_minute_or_so_and_no_task_is_without_one(
    seconds: float | None, jobs: int, tasks: int, most: int, words: str
) -> None:
    work = Workload(jobs, Span(seconds, seconds, seconds * 1.2), "20 jobs", False) if seconds else None

    found, why = choose_bundle(jobs, tasks, work)

    assert found == most
    assert words in why
