"""Dead letters become jobs again: all of them, whatever happens on the way, and nobody else's."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.deadletters import BATCH, LETTERS_A_SECOND, THREADS
from distributed_fiji.aws.queues import read_counts
from distributed_fiji.commands.redrive import Redriven, redrive, submission_of
from distributed_fiji.errors import InvalidInput, NothingThere
from distributed_fiji.settings import Settings
from distributed_fiji.state.submissions import all_submissions, write_submission
from tests.monitor.builders import DyingSession, EmulatedSession, SteppedClock, some_jobs
from tests.monitor.flow import Flow
from tests.monitor.kills import dies
from tests.monitor.screen import Screen
from tests.worker.harness import (
    a_job,
    a_run,
    check_done,
    connect,
    start_worker,
    submit,
    wait_until,
    wait_until_settled,
)
from tests.worker.harness import counts as run_counts
from worker.contract.jobs import APP_TAG, Job, encode_message

#: Seconds that letters stay hidden which a killed redrive had received.
HIDDEN = 4


def send_dead(flow: Flow, bodies: list[str], queue: str = "") -> None:
    """Let messages stand in the dead-letter queue as SQS moves them there."""
    sqs = flow.clients.sqs
    url = sqs.get_queue_url(QueueName=queue or flow.settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def redriven(flow: Flow, clients: Clients | None = None, settings: Settings | None = None) -> Redriven:
    """Run redrive."""
    clock = SteppedClock(time.time())
    return redrive(settings or flow.settings, clients or flow.clients, clock, Screen().terminal, HIDDEN)


def queued(flow: Flow) -> Counter[str]:
    """Take all messages out of the queue; return how often each job was in it, by its body."""
    return Counter(json.dumps(body, sort_keys=True) for body in flow.messages())


def bodies_of(jobs: list[Job]) -> list[str]:
    return [encode_message(job) for job in jobs]


def plain(bodies: list[str]) -> set[str]:
    return {json.dumps(json.loads(body), sort_keys=True) for body in bodies}


def killed(flow: Flow, session: EmulatedSession, calls: int) -> None:
    """Run redrive, when all letters show, in a process that dies after so many calls."""
    wait_until_all_show(flow)
    dying = Clients(DyingSession(session, calls))
    assert dies(lambda: redriven(flow, dying))


def counts(flow: Flow) -> int:
    """Return how many letters there are, hidden ones included."""
    sqs = flow.clients.sqs
    url = sqs.get_queue_url(QueueName=flow.settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    return read_counts(sqs, url).left


def wait_until_all_show(flow: Flow) -> None:
    """Wait for letters that a killed redrive hid: one that finds none makes few calls and is not killed."""
    sqs = flow.clients.sqs
    url = sqs.get_queue_url(QueueName=flow.settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    longest = HIDDEN + counts(flow) / LETTERS_A_SECOND
    wait_until(lambda: not read_counts(sqs, url).in_flight, longest + 10, "all dead letters show again")


def test_a_thousand_dead_letters_are_jobs_again_though_the_redrive_was_killed_several_times(
    session: EmulatedSession, flow: Flow
) -> None:
    bodies = bodies_of(some_jobs(1000))
    send_dead(flow, bodies)
    chance = random.Random(6)

    # Several times while letters are moved, then while they are read.
    for _ in range(3):
        handfuls = counts(flow) // 10
        # Each of the readers may ask once more than it has to.
        killed(flow, session, 2 * handfuls + chance.randrange(20, 2 * handfuls))
    killed(flow, session, chance.randrange(2, counts(flow) // 10))
    wait_until_all_show(flow)
    again = redriven(flow)

    assert (again.left, counts(flow)) == (0, 0)
    found = queued(flow)
    assert found.keys() == plain(bodies)
    # Each death leaves at most what its threads had sent and not yet deleted.
    assert found.total() <= 1000 + 3 * THREADS * BATCH


def test_a_redriven_job_has_to_end_once_more_before_the_run_is_over(flow: Flow) -> None:
    bodies = bodies_of(some_jobs(3))
    send_dead(flow, bodies)

    done = redriven(flow)

    assert (done.moved, done.left) == (3, 0)
    (submission,) = all_submissions(flow.clients.s3, flow.settings.AWS_BUCKET, flow.app)
    assert submission.complete
    assert set(submission.job_ids) == {job.job_id for job in some_jobs(3)}
    assert queued(flow).keys() == plain(bodies)


def test_what_is_no_job_stays_and_can_be_read_at_once(flow: Flow) -> None:
    send_dead(flow, ["no job", *bodies_of(some_jobs(1))])

    assert redriven(flow) == Redriven(1, 1, frozenset({some_jobs(1)[0].job_id}))
    url = flow.clients.sqs.get_queue_url(QueueName=flow.settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    (message,) = flow.clients.sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "no job"


def test_of_a_shared_queue_only_the_apps_own_jobs_are_taken(flow: Flow) -> None:
    shared = f"Shared{flow.app}"
    flow.clients.sqs.create_queue(QueueName=shared)
    settings = flow.settings.model_copy(update={"SQS_DEAD_LETTER_QUEUE": shared})
    flow.submit(flow.clients)
    mine = [json.dumps(body) for body in flow.messages()]
    send_dead(flow, [*mine, *bodies_of(some_jobs(5))], shared)

    done = redriven(flow, settings=settings)
    assert (done.moved, done.left) == (len(mine), 5)
    assert queued(flow).keys() == plain(mine)


def test_another_apps_dead_letters_are_refused(flow: Flow) -> None:
    other = f"Other{flow.app}"
    flow.clients.sqs.create_queue(QueueName=other, tags={APP_TAG: "SomebodyElse"})
    send_dead(flow, bodies_of(some_jobs(1)), other)

    with pytest.raises(InvalidInput, match="belongs to another app"):
        redriven(flow, settings=flow.settings.model_copy(update={"SQS_DEAD_LETTER_QUEUE": other}))

    assert queued(flow) == Counter()


def test_a_redriven_job_is_tried_again_by_a_worker(
    session: EmulatedSession, clients: Clients, tmp_path: Path
) -> None:
    job = a_job(1, fail="script_error", once=str(tmp_path / "mended"))
    with a_run(connect(session.data), tmp_path, retries=1) as run:
        submit(run, [job])
        start_worker(run)
        wait_until(lambda: sum(run_counts(run, run.dead_url)), what="SQS has given the job up")
        queues = {"SQS_QUEUE_NAME": run.app_name, "SQS_DEAD_LETTER_QUEUE": f"{run.app_name}-dead"}
        flow = Flow(run.app_name.title(), tmp_path, clients)
        settings = flow.settings.model_copy(update={**queues, "AWS_BUCKET": run.bucket})
        write_submission(
            clients.s3, run.bucket, settings.APP_NAME, submission_of(frozenset({job.job_id}), "", 0.0, "")
        )

        assert redriven(flow, settings=settings).moved == 1
        wait_until_settled(run)

        check_done(run, [job])


def test_without_setup_there_is_nothing_to_move_them_to(clients: Clients, app: str, tmp_path: Path) -> None:
    with pytest.raises(NothingThere, match="setup"):
        redriven(Flow(app, tmp_path, clients))
