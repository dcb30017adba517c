"""`retry`: just the jobs that are meant go back to the queue, and a run that had become small grows again."""

from __future__ import annotations

import time

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.cluster import read_desired, scale_service
from distributed_fiji.aws.deadletters import HIDDEN_SECONDS
from distributed_fiji.aws.fleet import read_fleet
from distributed_fiji.aws.queues import read_counts
from distributed_fiji.commands.failures import read_failures
from distributed_fiji.commands.redrive import interrupted
from distributed_fiji.commands.retry import Choice, Retried, chosen, lines_of, plan_lines, retry
from distributed_fiji.errors import InvalidInput
from distributed_fiji.review.facts import from_s3
from distributed_fiji.review.jobstates import JobStates
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.submissions import all_submissions
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run
from tests.monitor.left import done, failed
from tests.monitor.screen import Screen, watch
from worker.contract.jobs import FailureClass, Job, decode_message

#: Seconds that letters stay hidden which a killed retry had received.
HIDDEN = 3

JOBS = [Job({"Plate": "P1", "Well": f"A0{column}"}, f"out/{column}") for column in range(1, 7)]


def settings_of(run: ARun) -> Settings:
    names = {"APP_NAME": run.app, "AWS_BUCKET": run.bucket, "AWS_REGION": run.clients.region}
    more = {"SCRIPT_DOWNLOAD_URL": "s3://b/script.py", "ECS_CLUSTER": run.record.cluster}
    return parse_settings(names | more)[0]


def a_failed_run(clients: Clients, app: str) -> ARun:
    """Return a run of six jobs: memory ran out for the first two, the macro failed in the third, the fourth
    was lost, the fifth is done, and the last waits; fleet and service are as small as a monitor makes them.
    """
    run = a_run(clients, app, machines=2)
    run.submit(JOBS[:4])
    for _ in range(4):
        run.give_up()
    run.submit(JOBS[4:])
    run.work_off()
    done(run, JOBS[4], {"a.csv": b""})
    for job in JOBS[:2]:
        failed(run, job, FailureClass.OUT_OF_MEMORY, f"FIJI ran out of memory ({job.job_id} MB).")
    failed(run, JOBS[2], FailureClass.MACRO_ERROR, "The macro failed in line 3.", line=3)
    failed(run, JOBS[3], FailureClass.NEVER_ENDED, "No attempt finished.")
    scale_service(clients.ecs, run.record.cluster, run.record.service, 0)
    clients.ec2.modify_spot_fleet_request(SpotFleetRequestId=run.record.fleet_id, TargetCapacity=1)
    return run


def retried(run: ARun, choice: Choice, clients: Clients | None = None) -> tuple[Retried, JobStates]:
    """Run retry, as its command does."""
    clients = clients or run.clients
    found = read_failures(run.record, clients, from_s3(clients.s3))
    left = interrupted(all_submissions(clients.s3, run.bucket, run.app))
    wanted, clock = chosen(choice, found, left), SteppedClock(time.time())
    settings, screen = settings_of(run), Screen()
    return retry(
        settings, clients, run.record, wanted, found.states, clock, screen.terminal, HIDDEN
    ), found.states


def groups_of(run: ARun) -> list[str]:
    """Return the keys of the groups of failures."""
    return [group.key for group in read_failures(run.record, run.clients, from_s3(run.clients.s3)).groups]


def jobs_in(run: ARun, url: str) -> list[str]:
    """Take all messages out of a queue; return their jobs' wells."""
    wells = []
    while found := run.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        wells += [str(decode_message(message["Body"]).metadata["Well"]) for message in found]
        for message in found:
            run.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(wells)


def wait_until_all_letters_show(run: ARun) -> None:
    """Wait for letters that a killed command had received, to read or to move them."""
    until = time.monotonic() + HIDDEN_SECONDS + HIDDEN
    while read_counts(run.clients.sqs, run.dead_url).in_flight:
        assert time.monotonic() < until
        time.sleep(0.2)


def scale(run: ARun) -> tuple[int | None, int]:
    record, clients = run.record, run.clients
    desired = read_desired(clients.ecs, record.cluster, record.service)
    return desired, read_fleet(clients.ec2, record.fleet_id).target


@pytest.fixture
def run(clients: Clients, app: str) -> ARun:
    return a_failed_run(clients, app)


def test_one_group_goes_back_and_the_run_grows_as_far_as_its_jobs_need(run: ARun) -> None:
    done_now, states = retried(run, Choice(group="1"))

    assert list(lines_of(done_now, states)) == [
        "Returned 2 jobs to the queue.",
        "Raised the fleet from 1 machine to 2.",
        "Raised the service from 0 tasks to 2.",
    ]
    assert scale(run) == (2, 2)
    assert jobs_in(run, run.queue_url) == ["A01", "A02", "A06"]
    assert jobs_in(run, run.dead_url) == ["A03", "A04"]
    (submission,) = [
        one for one in all_submissions(run.clients.s3, run.bucket, run.app) if one.job_file == "redrive"
    ]
    assert submission.complete and set(submission.job_ids) == {job.job_id for job in JOBS[:2]}


def test_wells_and_ids_are_meant_and_what_needs_no_retry_is_left_alone_and_told(run: ARun) -> None:
    choice = Choice(jobs=(JOBS[3].job_id,), wells=("P1 A5", "A06"))

    done_now, states = retried(run, choice)

    told = list(lines_of(done_now, states))
    assert told[:3] == [
        "Returned 1 job to the queue.",
        "Left alone: 1 job already done.",
        "Left alone: 1 job still in the queue or with a worker.",
    ]
    assert jobs_in(run, run.dead_url) == ["A01", "A02", "A03"]


def test_what_is_not_there_is_named_at_once_and_nothing_is_moved(run: ARun) -> None:
    with pytest.raises(InvalidInput) as told:
        retried(run, Choice(jobs=("0" * 16,), wells=("H12", "P2 A01")))

    assert told.value.problems == [
        f"--job {'0' * 16}: no such job",
        "--well H12: no job has this well",
        "--well P2 A01: no job has this well",
    ]
    assert len(jobs_in(run, run.dead_url)) == 4


def test_all_go_back_after_a_run_was_taken_down_and_a_fleet_is_not_touched(run: ARun) -> None:
    assert jobs_in(run, run.queue_url) == ["A06"]
    done(run, JOBS[5], {})
    result, _ = watch(run)
    assert result.dead == 4
    queue = run.clients.sqs.create_queue(QueueName=run.record.queue_name)["QueueUrl"]

    done_now, _ = retried(run, Choice(all=True))
    again, states = retried(run, Choice(all=True))

    assert (done_now.redriven.moved, done_now.is_running, done_now.raised) == (4, False, ())
    assert again.redriven.moved == 0 and not states.dead
    assert jobs_in(run, queue) == ["A01", "A02", "A03", "A04"]


def test_a_dry_run_says_what_goes_back_and_grows_and_changes_nothing(
    run: ARun, session: EmulatedSession
) -> None:
    clients = Clients(session)
    noted, before = clients.only_note(), scale(run)
    with noted.off():
        found = read_failures(run.record, clients, from_s3(clients.s3))
    wanted = chosen(Choice(all=True), found)

    done_now = retry(
        *(settings_of(run), clients, run.record, wanted, found.states),
        *(SteppedClock(time.time()), Screen().terminal, HIDDEN),
    )

    assert list(plan_lines(wanted, found.states, done_now)) == [
        "4 jobs to return to the queue",
        "Raise the fleet from 1 machine to 2.",
        "Raise the service from 0 tasks to 2.",
    ]
    assert {call.operation for call in noted.calls} >= {"ModifySpotFleetRequest", "UpdateService"}
    assert scale(run) == before
    assert read_counts(run.clients.sqs, run.dead_url).left == 4
