"""The janitor: its real package ends runs whose laptop is gone, tells, and removes itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import boto3
import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.queues import messages_left
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.janitor.package import HANDLER, build_package
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.local.emulators import lambdaruntime
from distributed_fiji.state.openruns import list_open_runs
from tests.emulators import CLIENT_ENVIRONMENT
from tests.monitor.builders import ARun, DyingSession, EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.kills import dies
from tests.monitor.screen import KEPT, a_round, clean, janitors_environment, kinds, watch
from worker.contract.jobs import state_key

#: What a janitor leaves that removed itself.
ITS_OWN = {"topic"}


def install(run: ARun, email: str = "") -> list[str]:
    changes = install_janitor(run.clients, run.record, SteppedClock(time.time()), email)
    return [change.did for change in changes]


def test_the_package_needs_nothing_that_lambda_does_not_bring_and_ends_the_run(
    session: EmulatedSession, clients: Clients, app: str, tmp_path: Path
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off(2)
    install(run, "owner@example.org")
    package = tmp_path / "janitor.zip"
    package.write_bytes(build_package())

    done = subprocess.run(
        [sys.executable, "-I", lambdaruntime.__file__, str(os.getpid()), str(package), HANDLER],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            **CLIENT_ENVIRONMENT,
            **session.environment,
            **janitors_environment(run),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "the janitor has removed itself" in done.stdout
    assert kinds(run) == KEPT | ITS_OWN


def test_the_package_is_the_same_bytes_each_time() -> None:
    assert build_package() == build_package()


def test_installing_again_changes_nothing(clients: Clients, app: str) -> None:
    run = a_run(clients, app)

    first, second = install(run, "owner@example.org"), install(run, "owner@example.org")

    assert "created" in first
    assert set(second) == {"kept"}
    assert {"schedule", "janitor", "topic"} <= kinds(run)


def test_a_run_with_work_left_goes_on_and_keeps_its_janitor(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    install(run)

    assert a_round(run) == []
    assert a_round(run, after=300) == []

    assert {"machine", "fleet", "service", "queue", "schedule", "janitor"} <= kinds(run)


def test_jobs_of_others_end_in_the_round_that_found_the_queue_empty_for_minutes(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.send(some_jobs(1))
    run.work_off()
    install(run)

    a_round(run)

    assert kinds(run) == KEPT


def test_a_queue_that_fills_again_while_the_janitor_looks_goes_on(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.send(some_jobs(1))
    run.work_off()
    install(run)
    waits = []

    def fill() -> None:
        waits.append(1)
        if len(waits) == 20:
            run.send(some_jobs(1, start=1))

    a_round(run, on_sleep=fill)

    assert {"machine", "fleet", "schedule"} <= kinds(run)


def test_the_last_of_several_runs_takes_the_janitor_with_it(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    install(run)
    other = replace_record(run, client_token="other", fleet="")
    install(other)
    assert len(list_open_runs(clients.s3, run.bucket, app, clients.region)) == 2

    run.work_off()
    a_round(run)
    assert {"schedule", "janitor"} <= kinds(run)
    a_round(run, after=20 * 60)

    assert list_open_runs(clients.s3, run.bucket, app, clients.region) == []
    assert kinds(run) == KEPT


def replace_record(run: ARun, *, client_token: str, fleet: str) -> ARun:
    record = replace(run.record, run_id=client_token, fleet_id=fleet)
    return replace(run, record=record)


def test_the_janitor_may_still_end_an_older_run_whose_queue_config_names_no_more(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    install(run)
    newer = replace(run.record, run_id="newer", queue_name=f"{app}OtherQueue", cluster="other")
    install(replace(run, record=newer))

    role = f"{app}-us-east-1-fiji-janitor"
    policy = clients.iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    resources = [one for statement in policy["Statement"] for one in statement["Resource"]]

    for queue in (run.record.queue_name, f"{app}OtherQueue"):
        assert f"arn:aws:sqs:us-east-1:123456789012:{queue}" in resources
    assert len(json.dumps(policy, separators=(",", ":"))) < 10_240, "IAM takes no more in a role"


def test_a_fleet_whose_id_was_never_written_down_is_found_by_its_token_and_ended(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    install(replace_record(run, client_token=run.record.run_id, fleet=""))
    clients.ecs.update_service(cluster=run.record.cluster, service=run.record.service, desiredCount=0)

    a_round(run)
    assert {"machine", "fleet"} <= kinds(run)
    a_round(run, after=20 * 60)

    assert not {"machine", "fleet", "alarm", "schedule", "janitor"} & kinds(run)
    assert "queue" in kinds(run)


def test_the_monitor_that_ends_the_last_run_takes_the_janitor_with_it(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    install(run)

    watch(run)

    assert kinds(run) == KEPT


def test_a_run_that_another_monitor_has_just_closed_is_no_problem(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    install(run)
    watch(run)
    install(run)

    assert a_round(run) == []
    assert kinds(run) == KEPT


def test_the_janitor_keeps_max_cost_though_no_monitor_runs(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.record = replace(run.record, max_cost=0.015)
    install(run)

    a_round(run)
    assert {"machine", "fleet"} <= kinds(run)
    a_round(run, after=3600)

    assert not {"machine", "fleet", "alarm", "schedule", "janitor"} & kinds(run)
    assert messages_left(clients.sqs, run.record.queue_name) == 2


def test_the_owner_is_told_how_a_run_ended(session: EmulatedSession, clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    install(run, "owner@example.org")
    topic = janitors_environment(run)["TOPIC"]
    mails = inbox(session, clients, topic, app)

    a_round(run, topic=topic)

    (mail,) = mails()
    assert mail["Subject"] == f"{app}: 1 job done, 1 not"
    assert "1 were given up" in mail["Message"]


def test_the_owner_is_told_once_when_rounds_fail_one_after_the_other(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    install(run, "owner@example.org")
    topic = janitors_environment(run)["TOPIC"]
    mails = inbox(session, clients, topic, app)
    damaged = state_key(app, "runs", clients.region, "damaged.json")

    clients.s3.put_object(Bucket=run.bucket, Key=damaged, Body=b"{")
    assert [len(a_round(run, topic=topic)) for _ in range(4)] == [1, 1, 1, 1]
    (mail,) = mails()
    clients.s3.delete_object(Bucket=run.bucket, Key=damaged)
    assert a_round(run, topic=topic) == []
    clients.s3.put_object(Bucket=run.bucket, Key=damaged, Body=b"{")
    a_round(run, topic=topic)
    clients.s3.delete_object(Bucket=run.bucket, Key=damaged)
    a_round(run, topic=topic)

    assert mail["Subject"] == f"{app}: the janitor cannot do its work"
    assert "damaged.json" in mail["Message"]
    assert f"cleanup {app}" in mail["Message"]
    assert mails() == []


def inbox(
    session: EmulatedSession, clients: Clients, topic: str, app: str
) -> Callable[[], list[dict[str, str]]]:
    """Subscribe to a topic; return what gives the mails that have come since."""
    # The topic's emulator delivers to a queue of its own kind.
    sqs = boto3.Session("testing", "testing", region_name=clients.region).client(
        "sqs", endpoint_url=session.control
    )
    url = sqs.create_queue(QueueName=app)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def mails() -> list[dict[str, str]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    return mails


def test_a_run_that_cannot_be_looked_at_does_not_keep_another_from_ending(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    install(run)
    broken = replace(run.record, run_id="0", fleet_id="sfr-x", cluster="no such cluster !")
    install_janitor(clients, broken, SteppedClock(time.time()))

    problems = a_round(run)

    assert not {"machine", "fleet"} & kinds(run), problems


def test_cleanup_removes_the_janitor_too(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    install(run, "owner@example.org")

    assert clean(clients, app, keep=())[0] == 0
    assert inventory(clients, app) == []


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_janitor_that_dies_in_its_round_is_made_up_for_by_the_next(
    session: EmulatedSession, clients: Clients, app: str, rounds: int
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    install(run)
    for number in range(rounds):
        dying = Clients(DyingSession(session, 20 + 17 * number))
        assert dies(
            partial(
                run_round,
                JanitorConfig(app, run.bucket),
                dying,
                SteppedClock(time.time() + 300 * number - 900),
                lambda _: None,
            )
        )

    # A round that has died keeps the next out for a minute and a half; the next one comes after five.
    assert a_round(run, after=300 * rounds) == []

    assert kinds(run) == KEPT
