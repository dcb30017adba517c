"""What setup and startCluster make: tagged as the app's, with a janitor, with an end of its own."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.aws.tasks import read_ends
from distributed_fiji.aws.telemetry import read_alarms
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.commands.plan import Start
from distributed_fiji.commands.start import start_cluster
from distributed_fiji.errors import InvalidInput
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.names import stuck_alarm_name
from distributed_fiji.registry import Answer
from distributed_fiji.state.record import Run, from_document
from distributed_fiji.state.recordfile import read_record
from distributed_fiji.state.registered import read_registered
from tests.monitor.builders import EmulatedSession, SteppedClock
from tests.monitor.flow import Flow
from tests.monitor.screen import Screen, clean
from worker.contract.jobs import APP_TAG, state_key


def started(flow: Flow) -> Run:
    flow.begin()
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    return flow.start(flow.clients)


def test_everything_that_aws_can_tag_carries_the_apps_tag(clients: Clients, app: str, tmp_path: Path) -> None:
    flow = Flow(app, tmp_path / app, clients, {"NOTIFY_EMAIL": "owner@example.org"})
    record = started(flow)

    tags = dict(every_tag(clients, record))

    assert {name: found.get(APP_TAG) for name, found in tags.items()} == dict.fromkeys(tags, app)
    untagged = {"dashboard", "results"}
    assert {item.kind for item in inventory(clients, app)} - untagged == {name.split(":")[0] for name in tags}


def test_the_record_says_which_script_and_which_queue_the_run_has(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = Flow(app, tmp_path / app, clients)
    record = started(flow)

    script = (tmp_path / app / "script.ijm").read_bytes()
    url = clients.sqs.get_queue_url(QueueName=record.queue_name)["QueueUrl"]
    queue = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])["Attributes"]
    assert record.script_sha256 == hashlib.sha256(script).hexdigest()
    assert record.queue_created == queue["CreatedTimestamp"]


def test_the_record_here_names_its_settings_and_the_one_in_the_bucket_does_not(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    record = started(Flow(app, tmp_path / app, clients))

    key = state_key(app, "run.json")
    kept = json.loads(clients.s3.get_object(Bucket=record.bucket, Key=key)["Body"].read())
    assert record.config == str(tmp_path / app / "config.py")
    assert from_document(kept) == replace(record, config="")


def every_tag(clients: Clients, record: Run) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the tags of everything of a run, by its kind and a number."""
    ec2, ecs, sqs, iam = clients.ec2, clients.ecs, clients.sqs, clients.iam
    app, cluster = record.app_name, record.cluster
    for number, queue in enumerate((record.queue_name, record.dead_letter_queue)):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        yield f"queue:{number}", sqs.list_queue_tags(QueueUrl=url)["Tags"]
    groups = (record.log_group, record.machine_log_group, f"/aws/lambda/{app}Janitor")
    for number, group in enumerate(groups):
        yield f"log group:{number}", clients.logs.list_tags_log_group(logGroupName=group)["tags"]
    for purpose in ("instance", "fleet", "task", "janitor"):
        name = f"{app}-{record.region}-fiji-{purpose}"
        yield f"role:{purpose}", plain(iam.list_role_tags(RoleName=name)["Tags"])
    profile = f"{app}-{record.region}-fiji-instance"
    yield (
        "instance profile:",
        plain(iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Tags"]),
    )
    own = [{"Name": f"tag:{APP_TAG}", "Values": [app]}]
    for number, volume in enumerate(ec2.describe_volumes(Filters=own)["Volumes"]):
        yield f"volume:{number}", plain(volume["Tags"])
    found = ecs.describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"][0]
    yield "cluster:", plain(found["tags"])
    service = ecs.describe_services(cluster=cluster, services=[record.service], include=["TAGS"])["services"]
    yield "service:", plain(service[0]["tags"])
    definition = ecs.describe_task_definition(taskDefinition=record.task_definition, include=["TAGS"])
    yield "task definition:", plain(definition["tags"])
    fleet = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[record.fleet_id])["SpotFleetRequestConfigs"]
    yield "fleet:", plain(fleet[0]["Tags"])
    named = [{"Name": "launch-template-name", "Values": [record.launch_template]}]
    yield (
        "launch template:",
        plain(ec2.describe_launch_templates(Filters=named)["LaunchTemplates"][0]["Tags"]),
    )
    mine = [{"Name": "tag:aws:ec2spot:fleet-request-id", "Values": [record.fleet_id]}]
    for number, machine in enumerate(pages(ec2, "describe_instances", "Reservations", Filters=mine)):
        yield f"machine:{number}", plain(machine["Instances"][0]["Tags"])
    function = clients.awslambda.get_function(FunctionName=f"{app}Janitor")
    yield "janitor:", function["Tags"]
    for number, instance in enumerate(sorted(read_alarms(clients.cloudwatch, app))):
        alarm = clients.cloudwatch.describe_alarms(AlarmNames=[stuck_alarm_name(app, instance)])[
            "MetricAlarms"
        ]
        found = clients.cloudwatch.list_tags_for_resource(ResourceARN=alarm[0]["AlarmArn"])
        yield f"alarm:{number}", plain(found["Tags"])
    rule = clients.events.describe_rule(Name=f"{app}Janitor")["Arn"]
    yield "schedule:", plain(clients.events.list_tags_for_resource(ResourceARN=rule)["Tags"])
    topic = function["Configuration"]["Environment"]["Variables"]["TOPIC"]
    yield "topic:", plain(clients.sns.list_tags_for_resource(ResourceArn=topic)["Tags"])


def plain(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) for tag in tags}


def test_a_fleet_ends_by_itself_when_it_would_have_cost_what_it_may_and_limits_each_hour(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    record = started(Flow(app, tmp_path / app, clients, {"MAX_COST": 0.5}))
    (fleet,) = clients.ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[record.fleet_id])[
        "SpotFleetRequestConfigs"
    ]
    ends = fleet["SpotFleetRequestConfig"]["ValidUntil"]
    hours = (ends.timestamp() - record.started) / 3600

    # Two machines, at most 0.10 dollars an hour each, volume and address beside it; at least these.
    assert 0.5 / (2 * (0.10 + record.machine_extras)) - 0.01 <= hours < 24
    assert hours <= 0.5 / (2 * record.machine_extras)
    assert datetime.fromisoformat(record.valid_until) == ends
    assert float(record.fleet_request["SpotMaxTotalPrice"]) == pytest.approx(0.2)


def test_memory_that_a_machine_registers_is_kept_and_named_where_the_tasks_do_not_fit(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    # An m5.large is estimated to register 7,526 MiB at least; the emulator's register 7,482.
    flow = Flow(app, tmp_path / app, clients, {"MEMORY": 7500})
    flow.begin()
    flow.setup(clients)
    screen = Screen()
    clock = SteppedClock(time.time(), flow.join_machines)
    run = Start(flow.settings, clients, flow.record_path, clock, screen.terminal, lambda _: Answer("there"))

    start_cluster(run, parse_fleet_file({}, "fleet.json"))

    said = " ".join(screen.text.split())
    assert said.count("A m5.large registered only 7482 MiB: MEMORY × TASKS_PER_MACHINE is 7500 MiB") == 1
    assert read_registered(clients.s3, flow.settings.AWS_BUCKET, app) == {"m5.large": 7482}
    with pytest.raises(InvalidInput, match=r"a m5\.large has 7482 of 8192 MiB for tasks"):
        flow.setup(clients)


def test_start_cluster_says_why_tasks_end_at_once_while_it_waits_for_machines(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = Flow(app, tmp_path / app, clients)
    flow.begin()
    flow.setup(clients)
    screen = Screen()

    def one_machine_joins_and_its_tasks_die() -> None:
        run = read_record(flow.record_path)
        if not read_ends(clients.ecs, run.cluster, run.task_family, run.app_name, run.started):
            die(flow, sorted(flow.machines())[0])

    clock = SteppedClock(time.time(), one_machine_joins_and_its_tasks_die)
    run = Start(flow.settings, clients, flow.record_path, clock, screen.terminal, lambda _: Answer("there"))
    start_cluster(run, parse_fleet_file({}, "fleet.json"))

    said = " ".join(screen.text.split())
    assert said.count("Tasks end as soon as they start, 3 times in a row") == 1
    assert "with exit code 1: Essential container in task exited. the script is gone Some machines" in (
        said.replace("Warning: ", "")
    )


def die(flow: Flow, machine: str) -> None:
    """Let a machine join the cluster, and three of its tasks end soon after their start."""
    ecs, logs, settings = flow.clients.ecs, flow.clients.logs, flow.settings
    document = json.dumps({"instanceId": machine, "region": flow.clients.region})
    place = ecs.register_container_instance(cluster=settings.ECS_CLUSTER, instanceIdentityDocument=document)[
        "containerInstance"
    ]["containerInstanceArn"]
    for _ in range(3):
        (task,) = ecs.start_task(
            cluster=settings.ECS_CLUSTER, taskDefinition=settings.task_family, containerInstances=[place]
        )["tasks"]
        name = task["containers"][0]["name"]
        stream = f"{settings.APP_NAME}/{name}/{task['taskArn'].rpartition('/')[2]}"
        logs.create_log_stream(logGroupName=settings.machine_log_group, logStreamName=stream)
        line = {"timestamp": int(time.time() * 1000), "message": "the script is gone"}
        logs.put_log_events(logGroupName=settings.machine_log_group, logStreamName=stream, logEvents=[line])
        ended = [{"containerName": name, "status": "STOPPED", "exitCode": 1}]
        for status, containers in (("RUNNING", []), ("STOPPED", ended)):
            ecs.submit_task_state_change(
                cluster=settings.ECS_CLUSTER, task=task["taskArn"], status=status, containers=containers
            )


def test_without_the_janitor_nothing_of_it_is_made(clients: Clients, app: str, tmp_path: Path) -> None:
    started(Flow(app, tmp_path / app, clients, {"AUTO_MONITOR": False}))

    found = {(item.kind, item.name) for item in inventory(clients, app)}

    assert not {"schedule", "janitor", "topic"} & {kind for kind, _ in found}
    assert not [name for _, name in found if "janitor" in name.lower()]


def test_an_app_of_which_only_the_janitors_schedule_is_left_is_in_the_inventory_of_all(
    session: EmulatedSession, app: str
) -> None:
    clients = Clients(EmulatedSession(session.control, session.data, "ap-south-1"))
    name, tag = f"{app}Janitor", [{"Key": APP_TAG, "Value": app}]
    clients.events.put_rule(Name=name, ScheduleExpression="rate(5 minutes)", Tags=tag)
    clients.events.put_rule(Name="NightlyJanitor", ScheduleExpression="rate(5 minutes)")

    assert [(item.app, item.kind, item.bills) for item in inventory(clients, None)] == [
        (app, "schedule", True)
    ]
    assert clean(clients, app)[0] == 0
    assert inventory(clients, None) == []
