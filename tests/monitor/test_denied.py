"""What a user may not do is named by its action, once; fleets and machines end all the same."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.unseen import Unseen
from distributed_fiji.commands.cleanup import cleanup
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.commands.monitor import monitor
from distributed_fiji.errors import KEYS_OVER, KeysOver
from distributed_fiji.janitor.install import ensure_topic
from tests.monitor.builders import EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.screen import Screen, watch
from tests.monitor.test_cleanup import a_full_run
from tests.policy.denying import DenyingSession, ExpiredSession, answered


def clean(session: EmulatedSession, app: str) -> tuple[int, Screen]:
    screen = Screen()
    code = cleanup(
        Clients(session), app, confirm=lambda _: True, clock=SteppedClock(time.time()), out=screen.terminal
    )
    return code, screen


def billing(clients: Clients, app: str) -> set[str]:
    return {item.kind for item in inventory(clients, app) if item.bills}


def test_cleanup_ends_fleet_and_machines_though_topics_and_queues_may_not_be_listed(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_full_run(clients, app)
    lacking = ("sns:ListTopics", "sqs:ListQueues", "iam:GetRole", "logs:DescribeLogGroups")
    poor = DenyingSession(session, *lacking)

    code, screen = clean(poor, app)

    assert code == 4, screen.text
    assert run.machines() == []
    assert not billing(clients, app)
    for action in poor.denied:
        assert f"permission {action} is missing" in screen.text, action


def test_a_strangers_queue_whose_tags_may_not_be_read_hides_nothing_of_the_app(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_full_run(clients, app)
    poor = DenyingSession(session, "sqs:ListQueueTags")
    unseen = Unseen()

    found = {item.kind for item in inventory(Clients(poor), app, unseen)}

    assert {"fleet", "machine", "service", "alarm", "role", "results"} <= found
    assert "queue" not in found, "whose it is could not be seen"
    assert len(unseen.sentences) == 1
    assert "sqs:ListQueueTags" in unseen.sentences[0]
    run.clients.ec2.cancel_spot_fleet_requests(
        SpotFleetRequestIds=[run.record.fleet_id], TerminateInstances=True
    )


def test_a_fleet_that_may_not_be_looked_at_is_not_called_gone(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_full_run(clients, app)

    code, screen = clean(DenyingSession(session, "ec2:DescribeSpotFleetRequests"), app)

    assert code == 4
    assert "could not check fleets: permission ec2:DescribeSpotFleetRequests is missing" in screen.text
    assert f"no resources of {app} remain" not in screen.text
    run.clients.ec2.cancel_spot_fleet_requests(
        SpotFleetRequestIds=[run.record.fleet_id], TerminateInstances=True
    )


OPTIONAL = ("cloudwatch:DescribeAlarms", "ecs:GetTaskProtection", "ec2:DescribeSpotPriceHistory")


def test_a_run_is_watched_to_its_end_without_the_looks_that_are_optional_and_each_is_named_once(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.join(run.machines()[0])
    looks = 0

    def world() -> None:
        nonlocal looks
        looks += 1
        run.report_stopped_tasks()
        if looks == 3:
            run.work_off()

    result, screen = watch(run, world, clients=Clients(DenyingSession(session, *OPTIONAL)))

    assert result.done == 1, screen.text
    assert run.machines() == []
    for action in OPTIONAL:
        told = [line for line in screen.text.splitlines() if "not checked" in line and action in line]
        assert len(told) == 1, (action, screen.text)


@pytest.mark.parametrize("auto_monitor", [True, False])
def test_keys_that_end_stop_the_monitor_after_ten_minutes_with_words_and_a_code_of_its_own(
    session: EmulatedSession, clients: Clients, app: str, auto_monitor: bool
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    over, screen = ExpiredSession(session), Screen()
    begun = time.time()
    clock = SteppedClock(begun, lambda: setattr(over, "over", True))
    record = replace(run.record, auto_monitor=auto_monitor, valid_until="2030-01-01T00:00:00")

    with pytest.raises(KeysOver) as caught:
        monitor(record, Clients(over), cheapest=False, clock=clock, out=screen.terminal)

    assert caught.value.exit_code == KEYS_OVER == 5
    said = str(caught.value)
    assert "Request has expired" in said and "aws sso login" in said and "2030-01-01" in said
    assert ("janitor" in said) is auto_monitor
    assert ("nothing watches it" in said) is not auto_monitor
    assert 600 <= clock.now() - begun < 700
    assert len([line for line in screen.text.splitlines() if "AWS no longer accepts your keys" in line]) == 1
    assert len(run.machines()) == 2, "the run goes on"
    run.clients.ec2.cancel_spot_fleet_requests(
        SpotFleetRequestIds=[run.record.fleet_id], TerminateInstances=True
    )


def test_keys_that_are_renewed_within_ten_minutes_let_the_monitor_go_on(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    over, looks = ExpiredSession(session), 0

    def world() -> None:
        nonlocal looks
        looks += 1
        run.report_stopped_tasks()
        over.over = 2 <= looks < 6
        if looks == 8:
            run.work_off()

    result, screen = watch(run, world, clients=Clients(over))

    assert result.done == 1, screen.text


class TaggedTopics(EmulatedSession):
    """A session in which every topic has tags of its institute: SNS refuses to make it with others."""

    def __init__(self, session: EmulatedSession) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("before-send.sns.CreateTopic", self.refuse)
        return client

    def refuse(self, request: Any, **_: Any) -> AWSResponse | None:
        if "Tags" not in str(request.body):
            return None
        said = "Invalid parameter: Tags Reason: Topic already exists with different tags"
        error = f"<Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>{said}</Message></Error>"
        return answered(request, (400, [], f"<ErrorResponse>{error}</ErrorResponse>".encode()))


def test_a_topic_that_has_an_institutes_own_tags_is_used_as_it_is(session: EmulatedSession, app: str) -> None:
    sns = Clients(TaggedTopics(session)).sns

    arn, change = ensure_topic(sns, app, "owner@example.org")

    assert arn.endswith(f":{app}Janitor")
    assert change.did == "changed"
    assert ensure_topic(sns, app, "owner@example.org")[1].did == "kept"
