"""Jobs are taken back out of the queue: all that wait of their submissions, whatever happens on the way."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.redrive import redrive
from distributed_fiji.commands.submit import read_queue
from distributed_fiji.commands.takeback import TakenBack, take_back
from distributed_fiji.state.submissions import Submission, all_submissions
from tests.monitor.builders import DyingSession, EmulatedSession, SteppedClock
from tests.monitor.flow import WELLS, Flow
from tests.monitor.kills import dies
from tests.monitor.screen import Screen

#: Seconds that messages stay hidden which a killed take-back had received.
HIDDEN = 4


def submissions(flow: Flow) -> list[Submission]:
    return all_submissions(flow.clients.s3, flow.settings.AWS_BUCKET, flow.app)


def taken_back(flow: Flow, clients: Clients | None = None) -> TakenBack:
    """Take all submissions back."""
    clients = clients or flow.clients
    queue = read_queue(flow.settings, clients)
    return take_back(flow.settings, clients, queue.url, queue.submissions, Screen().terminal, HIDDEN)


def test_killed_anywhere_and_called_again_it_leaves_no_message_and_nobody_waiting(
    session: EmulatedSession, flow: Flow
) -> None:
    flow.submit(flow.clients)

    # After a receive; after the submission was written; after the first ten messages were deleted.
    for calls in (10, 38, 39):
        dying = Clients(DyingSession(session, calls))
        assert dies(partial(taken_back, flow, dying))
        time.sleep(HIDDEN + 0.5)
    taken_back(flow)

    assert submissions(flow) == []
    assert flow.messages() == []


def test_a_job_whose_message_sqs_keeps_is_said_and_waited_for_still(
    flow: Flow, session: EmulatedSession
) -> None:
    flow.submit(flow.clients)
    clients = Clients(session)

    def refuse(parsed: Any, **_: Any) -> None:
        failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
        parsed["Failed"] = [failed]

    clients.sqs.meta.events.register("after-call.sqs.DeleteMessageBatch", refuse)

    done = taken_back(flow, clients)

    # Ten are deleted together.
    assert (done.taken, done.left, done.refused) == (10, 0, 2)
    assert "Still in the queue, because SQS did not delete them: 2." in done.sentence
    assert [len(one.job_ids) for one in submissions(flow)] == [2]


def test_what_was_redriven_is_taken_back_too(flow: Flow) -> None:
    flow.submit(flow.clients)
    sqs, settings = flow.clients.sqs, flow.settings
    url = sqs.get_queue_url(QueueName=settings.SQS_QUEUE_NAME)["QueueUrl"]
    dead = sqs.get_queue_url(QueueName=settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.send_message(QueueUrl=dead, MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    redrive(settings, flow.clients, SteppedClock(time.time()), Screen().terminal)

    done = taken_back(flow)

    assert (done.taken, done.left) == (len(WELLS), 1)
    assert flow.messages() == []


def test_what_others_have_in_the_queue_is_shown_again_at_once_when_it_is_cut_off(
    session: EmulatedSession, flow: Flow
) -> None:
    flow.submit(flow.clients)
    url = read_queue(flow.settings, flow.clients).url
    flow.clients.sqs.send_message(QueueUrl=url, MessageBody="theirs")
    clients = Clients(session)

    def interrupt(**_: Any) -> None:
        raise KeyboardInterrupt

    clients.s3.meta.events.register("before-call.s3.PutObject", interrupt)

    with pytest.raises(KeyboardInterrupt):
        taken_back(flow, clients)

    (shown,) = flow.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert shown["Body"] == "theirs"
