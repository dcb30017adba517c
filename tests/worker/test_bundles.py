"""Several jobs in one message: each is done, fails and is tried again as if it had come alone."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from tests.worker import harness
from tests.worker.harness import Run, WorkerProcess, a_job, counts, starts
from worker.contract.bundles import SUBMISSION, bodies_in, bundled
from worker.contract.jobs import Job, encode_message


def send(run: Run, jobs: Iterable[Job], times: int = 1) -> str:
    """Send jobs in one message, as submitJob does; return its body."""
    ((_, body),) = bundled(((job.job_id, encode_message(job)) for job in jobs), most=100)
    for _ in range(times):
        attributes: Any = {SUBMISSION: {"DataType": "String", "StringValue": "the-submission"}}
        run.cloud.sqs.send_message(QueueUrl=run.queue_url, MessageBody=body, MessageAttributes=attributes)
    return body


def named(number: int, **parameters: Any) -> Job:
    """Return a job whose starts can be counted."""
    return a_job(number, trace_name=f"of{number}", **parameters)


def runs(run: Run, jobs: Iterable[Job]) -> list[int]:
    """Return how often FIJI ran each job."""
    return [len(starts(run, str(job.metadata["trace_name"]))) for job in jobs]


def outcomes(run: Run, job: Job) -> list[str]:
    """Return what workers wrote of a job, in the order of its attempts."""
    lines = [line for worker in run.workers for line in worker.lines() if line["job"] == job.job_id]
    return [line["outcome"] for line in sorted(lines, key=lambda line: int(line["attempt"]))]


def alone(run: Run) -> list[dict[str, Any]]:
    """Take the messages that wait out of the queue."""
    found: list[dict[str, Any]] = []
    while messages := run.cloud.sqs.receive_message(
        QueueUrl=run.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


def is_gone_or_idle(run: Run, worker: WorkerProcess) -> bool:
    return worker.process.poll() is not None or counts(run) == (0, 0)


def wait_for_start(run: Run, job: Job, times: int = 1) -> None:
    harness.wait_until(lambda: runs(run, [job]) == [times], what=f"job {job.metadata['number']} runs")


def test_of_a_bundle_one_job_fails_and_goes_back_alone_and_each_other_runs_once(run: Run) -> None:
    jobs = [named(1), named(2), named(3, fail="script_error"), named(4, warn="odd"), named(5)]
    send(run, jobs)

    worker = harness.start_worker(run)
    harness.wait_until_settled(run)
    assert worker.stop() == 0

    assert harness.check_settled(run, jobs) == [jobs[2]]
    others = [*jobs[:2], *jobs[3:]]
    assert (runs(run, others), [outcomes(run, job) for job in others]) == ([1] * 4, [["DONE"]] * 4)
    records = harness.failures(run, jobs[2].job_id)
    assert [(record["attempt"], record["message"]) for record in records] == [
        (1, encode_message(jobs[2])),
        (2, encode_message(jobs[2])),
    ]
    harness.check_nothing_left(run)


def test_a_bundle_whose_worker_is_killed_is_taken_apart_and_what_was_done_runs_no_more(run: Run) -> None:
    jobs = [named(1), named(2), named(3, sleep=1.5), named(4), named(5)]
    send(run, jobs)
    first = harness.start_worker(run, SQS_MESSAGE_VISIBILITY=4, HEARTBEAT_SECONDS=1)
    wait_for_start(run, jobs[2])
    harness.wait_until(lambda: harness.manifest(run, jobs[1]), what="the second job is done")
    first.stop(signal.SIGKILL)

    second = harness.start_worker(run)
    harness.wait_until_settled(run)
    assert second.stop() == 0

    assert harness.check_settled(run, jobs) == []
    assert runs(run, jobs[:3]) == [1, 1, 2]
    assert max(runs(run, jobs[3:])) <= 2
    assert Counter(outcomes(run, jobs[0])) == Counter(["DONE", "SKIPPED"])
    assert outcomes(run, jobs[2])[:2] == ["INTERRUPTED", "DONE"]


def test_what_is_done_runs_no_more_although_it_is_sent_on_and_done_jobs_are_to_run_again(run: Run) -> None:
    """CHECK_IF_DONE_BOOL is False: a manifest that is newer than the bundle counts all the same."""
    failed, done, last = named(1, fail="script_error"), named(2), named(3, sleep=1.5)
    send(run, [failed, done, last])
    quick: dict[str, Any] = {"SQS_MESSAGE_VISIBILITY": 4, "HEARTBEAT_SECONDS": 1, "CHECK_IF_DONE_BOOL": False}
    first = harness.start_worker(run, **quick)
    wait_for_start(run, last)
    harness.wait_until(lambda: harness.manifest(run, done), what="the second job is done")
    first.stop(signal.SIGKILL)

    second = harness.start_worker(run, **quick)
    harness.wait_until_settled(run)
    assert second.stop() == 0

    assert harness.check_settled(run, [failed, done, last]) == [failed]
    assert runs(run, [done, last]) == [1, 2]
    assert outcomes(run, done) == ["DONE", "SKIPPED"]


def test_a_worker_that_has_to_leave_sends_on_what_it_cannot_finish(run: Run) -> None:
    jobs = [named(1), named(2, hang="silent"), named(3), named(4)]
    send(run, jobs)
    worker = harness.start_worker(run)
    wait_for_start(run, jobs[1])
    assert worker.stop() == 0

    found = alone(run)
    assert {message["Body"] for message in found} == {encode_message(job) for job in jobs[1:]}
    assert len(found) == 3
    for message in found:
        said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert (said["submission"], said["attempts"]) == ("the-submission", "1")
        assert float(said["first_sent"]) < time.time()
    assert counts(run) == (0, 3)
    harness.check_done(run, jobs[:1])
    harness.check_nothing_left(run)


def test_a_worker_that_has_to_leave_finishes_the_job_at_work_if_there_is_time(run: Run) -> None:
    jobs = [named(1, sleep=1), named(2), named(3)]
    send(run, jobs)
    worker = harness.start_worker(run, STOP_GRACE_SECONDS=10)
    wait_for_start(run, jobs[0])
    assert worker.stop() == 0

    assert {message["Body"] for message in alone(run)} == {encode_message(job) for job in jobs[1:]}
    assert runs(run, jobs) == [1, 0, 0]
    harness.check_done(run, jobs[:1])


def test_a_job_that_kills_its_workers_takes_no_neighbor_along(run: Run) -> None:
    """FIJI's parent is the worker: the script kills it as the kernel does that runs out of memory."""
    poison = named(2, shell="kill -9 $(ps -o ppid= -p $PPID)")
    jobs = [named(1), poison, named(3), named(4)]
    send(run, jobs)

    for _ in range(20):
        worker = harness.start_worker(run, SQS_MESSAGE_VISIBILITY=3, HEARTBEAT_SECONDS=0.5)
        ended = partial(is_gone_or_idle, run, worker)
        assert harness.wait_until(ended, 60)
        if counts(run) == (0, 0):
            harness.end(worker)
            break

    assert harness.check_settled(run, jobs) == [poison]
    assert runs(run, jobs[2:]) == [1, 1]
    assert "None of" in harness.failures(run, poison.job_id)[-1]["sentence"]


def test_a_bundle_delivered_twice_has_one_manifest_for_each_job_that_matches(run: Run) -> None:
    jobs = [named(number, content="random", sleep=0.2) for number in range(6)]
    send(run, jobs, times=2)

    workers = [harness.start_worker(run) for _ in range(2)]
    harness.wait_until_settled(run)
    assert [worker.stop() for worker in workers] == [0, 0]

    assert harness.check_settled(run, jobs) == []


def test_the_jobs_of_a_bundle_share_a_lease_that_lasts_to_the_end(run: Run) -> None:
    """Each job is shorter than the visibility, all of them are longer."""
    jobs = [named(number, sleep=0.8) for number in range(6)]
    send(run, jobs)
    workers = [
        harness.start_worker(run, SQS_MESSAGE_VISIBILITY=2, HEARTBEAT_SECONDS=0.5, OVERLAP=overlap)
        for overlap in ("true", "false")
    ]
    harness.wait_until_settled(run)
    assert [worker.stop() for worker in workers] == [0, 0]

    assert runs(run, jobs) == [1] * 6
    assert [outcomes(run, job) for job in jobs] == [["DONE"]] * 6


def test_a_job_that_takes_long_does_not_keep_its_neighbors_from_others(run: Run) -> None:
    """Once nothing waits in the queue, the rest of a bundle goes on after 30 s, to whoever is idle."""
    jobs = [named(1, sleep=34), named(2), named(3)]
    send(run, jobs)
    first = harness.start_worker(run)
    wait_for_start(run, jobs[0])
    second = harness.start_worker(run)

    for job in jobs[1:]:
        harness.wait_until(partial(harness.manifest, run, job), 45, "it is done elsewhere")
    assert harness.manifest(run, jobs[0]) is None
    harness.wait_until_settled(run)

    assert [worker.stop() for worker in (first, second)] == [0, 0]
    assert runs(run, jobs) == [1, 1, 1]
    assert {line["job"] for line in second.lines()} == {job.job_id for job in jobs[1:]}


@pytest.mark.parametrize("body", ['{"jobs":[]}', '{"jobs":[{}', '{"jobs":[1 ,2]}', '{"jobs":3}'])
def test_what_begins_like_a_bundle_and_is_none_is_one_message_that_is_no_job(body: str) -> None:
    assert bodies_in(body) == [body]


def test_a_bundle_holds_each_body_byte_for_byte_and_is_no_larger_than_sqs_bills_as_one_request() -> None:
    jobs = [a_job(number, text='ü"\\\n' * 40, x=0.1 + number) for number in range(1_000)]
    bodies = [encode_message(job) for job in jobs]

    found = list(bundled(zip((job.job_id for job in jobs), bodies, strict=True), most=100, mark=50))

    assert [body for _, bundle in found for body in bodies_in(bundle)] == bodies
    assert max(len(bundle.encode()) + 50 for _, bundle in found) <= 64 * 1024
    assert max(len(bodies_in(bundle)) for _, bundle in found) == 100
