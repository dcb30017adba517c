"""However a worker ends, its job is done once and its message is back in time."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

from tests import emulators
from tests.faults.metadata_service import MetadataService
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit, wait_until


def wait_for_start(run: Run, name: str = "job") -> None:
    wait_until(lambda: harness.starts(run, name), what="FIJI has started")


def test_an_idle_worker_leaves_when_asked(run: Run) -> None:
    worker = harness.start_worker(run)
    wait_until(lambda: "waits for jobs" in worker.text())

    assert worker.stop() == 0

    assert "SIGTERM" in worker.text()
    harness.check_nothing_left(run)


def test_a_job_that_cannot_finish_is_given_back_at_once(run: Run) -> None:
    job, ahead = a_job(1, sleep=600, spawn="session"), a_job(2, sleep=600)
    submit(run, [job])
    worker = harness.start_worker(run, STOP_GRACE_SECONDS=1)
    wait_for_start(run)
    submit(run, [ahead])
    asked_at = time.monotonic()

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: harness.counts(run) == (2, 0), 10, "both messages are visible")

    assert worker.process.wait(10) == 0
    assert time.monotonic() - asked_at < 10
    assert {line["outcome"] for line in worker.lines()} == {"INTERRUPTED"}
    assert harness.failures(run, job.job_id) == []
    harness.check_nothing_left(run)


def test_a_job_that_can_finish_does_and_the_one_taken_ahead_goes_back(run: Run) -> None:
    jobs = [a_job(number, sleep=2, trace_name=f"job{number}") for number in range(3)]
    submit(run, jobs)
    worker = harness.start_worker(run, STOP_GRACE_SECONDS=8)
    wait_until(lambda: harness.counts(run) == (1, 2), what="one is in FIJI and one taken ahead")
    wait_until(lambda: list(run.traces.iterdir()), what="FIJI has started")

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: harness.counts(run) == (2, 1), 4, "the one taken ahead is visible")

    assert worker.process.wait(10) == 0
    assert sorted(line["outcome"] for line in worker.lines()) == ["DONE", "INTERRUPTED"]
    assert harness.counts(run) == (2, 0)
    assert len(harness.keys(run, f"distributed-fiji/{run.app_name}/manifests/")) == 1
    harness.check_nothing_left(run)


def test_a_killed_worker_takes_its_fiji_along(run: Run) -> None:
    submit(run, [a_job(1, sleep=600)])
    killed = harness.start_worker(run)
    wait_for_start(run)

    killed.process.kill()
    killed.process.wait()

    wait_until(lambda: not harness.processes(run), 5, "FIJI has gone with its worker")


SHORT_LEASE = {"SQS_MESSAGE_VISIBILITY": 2, "HEARTBEAT_SECONDS": 0.6}


def test_a_job_whose_worker_was_killed_before_it_could_delete_is_not_run_again(
    run: Run, tmp_path: Path
) -> None:
    job = a_job(1, content="random")
    submit(run, [job])
    with emulators.microburst(tmp_path, run.cloud.url) as proxy:
        emulators.set_faults(proxy, {"service": "sqs", "operation": "DeleteMessage", "timeout_ms": 20_000})
        killed = harness.start_worker(run, AWS_ENDPOINT_URL=proxy, **SHORT_LEASE)
        wait_until(lambda: emulators.fired_by_rule(proxy) != [0], what="the message is being deleted")
        killed.process.kill()
        killed.process.wait()

    worker = harness.start_worker(run, **SHORT_LEASE)
    harness.wait_until_settled(run)
    worker.stop()

    assert harness.check_settled(run, [job]) == []
    assert [line["outcome"] for line in worker.lines()] == ["SKIPPED"]
    assert len(harness.starts(run)) == 1


def test_a_worker_that_leaves_awaits_a_message_that_is_being_deleted(run: Run, tmp_path: Path) -> None:
    submit(run, [a_job(1)])
    with emulators.microburst(tmp_path, run.cloud.url) as proxy:
        emulators.set_faults(proxy, {"service": "sqs", "operation": "DeleteMessage", "latency": 3_000})
        worker = harness.start_worker(run, AWS_ENDPOINT_URL=proxy, STOP_GRACE_SECONDS=1)
        wait_until(lambda: emulators.fired_by_rule(proxy) != [0], what="the message is being deleted")

        assert worker.stop() == 0
        assert harness.counts(run) == (0, 0)

    assert [line["outcome"] for line in worker.lines()] == ["DONE"]


def test_a_job_of_which_no_attempt_came_to_its_end_is_given_up_with_that_reason(run: Run) -> None:
    """Where the queue allows more receives than JOB_RETRIES; else the monitor gives that reason."""
    job = a_job(1, sleep=600)
    submit(run, [job])
    killed = harness.start_worker(run, JOB_RETRIES=1, **SHORT_LEASE)
    wait_for_start(run)
    killed.process.kill()
    killed.process.wait()
    # Five more workers are lost just after they have received it.
    for _ in range(5):
        wait_until(lambda: receive_and_lose(run), what="the job is visible again")

    worker = harness.start_worker(run, JOB_RETRIES=1, **SHORT_LEASE)
    harness.wait_until_settled(run)
    worker.stop()

    assert harness.check_settled(run, [job]) == [job]
    (record,) = harness.failures(run, job.job_id)
    assert record["class"] == "no attempt came to its end"
    assert "the machine was interrupted" in record["sentence"]


def receive_and_lose(run: Run) -> bool:
    """Receive a message as a worker that is lost at once; return whether there was one."""
    answer = run.cloud.sqs.receive_message(QueueUrl=run.queue_url, VisibilityTimeout=0)
    return bool(answer.get("Messages"))


def test_a_job_that_was_given_back_is_not_given_up_for_it(run: Run) -> None:
    job = a_job(1)
    submit(run, [job])
    for _ in range(3):
        wait_until(lambda: receive_and_lose(run), what="the job is visible again")

    worker = harness.start_worker(run, JOB_RETRIES=1)
    harness.wait_until_settled(run)
    worker.stop()

    assert harness.check_settled(run, [job]) == []
    assert [line["outcome"] for line in worker.lines()] == ["DONE"]


def test_an_idle_worker_polls_cheaply_and_stays(run: Run, tmp_path: Path) -> None:
    with emulators.microburst(tmp_path, run.cloud.url) as proxy:
        worker = harness.start_worker(run, AWS_ENDPOINT_URL=proxy, STOP_GRACE_SECONDS=3)
        wait_until(lambda: "waits for jobs" in worker.text())
        before = emulators.calls_through(proxy)
        time.sleep(3.5)
        assert emulators.calls_through(proxy) - before <= 2
        submit(run, [a_job(1)])
        harness.wait_until_settled(run)

        assert worker.stop() == 0
    assert [line["outcome"] for line in worker.lines()] == ["DONE"]


def test_the_machine_is_named_in_the_manifest(run: Run) -> None:
    job = a_job(1)
    submit(run, [job])
    with contextlib.closing(MetadataService((404,))) as service:
        worker = harness.start_worker(
            run, AWS_EC2_METADATA_SERVICE_ENDPOINT=service.url, AWS_EC2_METADATA_DISABLED=None
        )
        harness.wait_until_settled(run)
        worker.stop()

    document = harness.manifest(run, job)
    assert document
    assert document["machine"]["instance_id"] == "i-of-instance-id"
