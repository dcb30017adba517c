"""What AWS refuses, shows late or bills unseen, and what is asked before money goes."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.fleet import find_fleet
from distributed_fiji.aws.machines import terminate, there_of
from distributed_fiji.aws.policies import trust
from distributed_fiji.aws.unseen import Strict
from distributed_fiji.commands import datacosts
from distributed_fiji.commands.apps import find_apps, queues_with_tags
from distributed_fiji.commands.cleanup import cleanup
from distributed_fiji.commands.findings import look_at_cluster
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.commands.jobfindings import look_at_inputs
from distributed_fiji.commands.plan import Start
from distributed_fiji.commands.redrive import redrive
from distributed_fiji.commands.setup import setup
from distributed_fiji.commands.start import NoJanitor, start_cluster
from distributed_fiji.commands.submit import Manner, submit_job
from distributed_fiji.errors import InvalidInput, SomethingLeft
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.janitor.removal import remove_schedule
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.janitor.turn import turn
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.monitor.actions import AddAlarm, EndMachines, LowerTarget
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.perform import perform
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.registry import Answer
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.submissions import all_submissions
from tests.monitor.answers import refusal
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.flow import JOBS, WELLS, Flow
from tests.monitor.recording import RecordingSession
from tests.monitor.screen import Screen, clean
from worker.contract.jobs import APP_TAG, Job, state_key


class LateSession(EmulatedSession):
    """A session in which some operations are refused so many times before they go through."""

    def __init__(self, session: EmulatedSession, late: dict[str, tuple[str, str]], times: int = 2) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self.late, self.left = late, dict.fromkeys(late, times)

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("before-call", self._refuse)
        return client

    def _refuse(self, model: Any, **_: Any) -> Any:
        if not self.left.get(model.name):
            return None
        self.left[model.name] -= 1
        code, message = self.late[model.name]
        return refusal(code, 400, message)


def a_flow(clients: Clients, app: str, folder: Path, **more: Any) -> Flow:
    flow = Flow(app, folder / app, clients, more)
    flow.begin()
    return flow


def test_what_aws_shows_late_is_waited_for(session: EmulatedSession, app: str, tmp_path: Path) -> None:
    late = LateSession(
        session,
        {
            "CreateCluster": ("InvalidParameterException", "Unable to assume the service linked role."),
            "RegisterTaskDefinition": ("ClientException", "Role is not valid"),
            "CreateService": ("InvalidParameterException", "Unable to assume the service linked role."),
            "RequestSpotFleet": ("InvalidSpotFleetRequestConfig", "Parameter: IamFleetRole is invalid."),
            "CreateFunction": (
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            ),
        },
    )
    flow = a_flow(Clients(session), app, tmp_path)

    flow.setup(Clients(late))
    flow.submit(Clients(late))
    record = flow.start(Clients(late))

    assert flow.fleets() == [record.fleet_id]
    assert not any(late.left.values())


def test_a_queue_that_is_seen_late_is_waited_for(session: EmulatedSession, app: str, tmp_path: Path) -> None:
    """CreateQueue is refused while its dead-letter queue is not seen; then it is not found by its name."""
    refused = {
        "CreateQueue": ("InvalidParameterValue", "Reason: Dead letter target does not exist."),
        "GetQueueUrl": ("QueueDoesNotExist", "The specified queue does not exist."),
    }
    late = LateSession(session, refused, times=3)
    flow = a_flow(Clients(session), app, tmp_path)

    flow.setup(Clients(late))

    assert not any(late.left.values())
    assert flow.submit(Clients(session)) == len(WELLS)


def test_an_answer_that_fails_while_machines_are_awaited_does_not_end_the_fleet(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    flow = a_flow(Clients(session), app, tmp_path)
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    role = "AWSServiceRoleForCloudWatchEvents"
    late = LateSession(
        session,
        {
            "DescribeSpotFleetInstances": ("InternalError", "An internal error has occurred"),
            "PutMetricAlarm": ("ValidationError", f"could not create the service linked role {role}"),
            "ListContainerInstances": ("ServerException", "Service Unavailable. Please try again later."),
        },
        times=1,
    )
    clock, screen = SteppedClock(time.time(), flow.join_machines), Screen()
    clients, image = Clients(late), Answer("there")
    run = Start(flow.settings, clients, flow.record_path, clock, screen.terminal, lambda _: image)

    record = start_cluster(run, parse_fleet_file({}, "fleet.json"))

    assert not any(late.left.values())
    assert flow.fleets() == [record.fleet_id]
    assert screen.text.count("could not be checked") == 2
    assert screen.text.count("has no alarm yet") == 1 and role in screen.text


def test_a_fleet_is_found_by_its_tag_where_ec2_shows_no_token(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    flow = a_flow(Clients(session), app, tmp_path)
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    record = flow.start(flow.clients)
    clients = Clients(session)

    def hide(parsed: Any, **_: Any) -> None:
        for fleet in parsed["SpotFleetRequestConfigs"]:
            fleet["SpotFleetRequestConfig"].pop("ClientToken", None)

    clients.ec2.meta.events.register("after-call.ec2.DescribeSpotFleetRequests", hide)

    assert find_fleet(clients.ec2, app, record.run_id) == record.fleet_id
    assert find_fleet(clients.ec2, app, "another") == ""


@contextmanager
def a_nat(ec2: Any) -> Iterator[None]:
    """Let the way out of the default VPC be a NAT for a while."""
    (table,) = (one for one in ec2.describe_route_tables()["RouteTables"] if one["Associations"])
    (route,) = (one for one in table["Routes"] if one["DestinationCidrBlock"] == "0.0.0.0/0")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    way = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.replace_route(**way, NatGatewayId=nat)
    yield
    ec2.replace_route(**way, GatewayId=route["GatewayId"])


def test_machines_without_an_address_start_in_every_subnet_by_a_template_of_its_own(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path, ASSIGN_IP=False)
    flow.setup(clients)
    flow.submit(clients)

    with pytest.raises(InvalidInput, match="leads to an internet gateway, which serves only machines with"):
        flow.start(clients)
    with a_nat(clients.ec2):
        # The embedded cloud refuses an interface beside a subnet, as RunInstances does.
        record = flow.start(clients)

    configs = record.fleet_request["LaunchTemplateConfigs"]
    subnets = clients.ec2.describe_subnets()["Subnets"]
    offering = [one for one in subnets if one["AvailabilityZone"] != "us-east-1e"]  # it has no m5
    assert len(configs) == len(offering)
    versions = {config["LaunchTemplateSpecification"]["Version"] for config in configs}
    assert versions == {str(number + 1) for number in range(len(configs))}
    assert len(flow.machines()) == 2


ORIGINAL = Path(__file__).parents[1] / "cli" / "original" / "exampleFleet_us-east-1.json"


def an_original(clients: Clients, subnets: str, **more: Any) -> dict[str, Any]:
    """Return the original's example of a fleet file with its placeholders filled in, and no more."""
    document = json.loads(ORIGINAL.read_text(encoding="utf-8"))
    role = clients.iam.create_role(RoleName=f"theirs-{time.time_ns()}", AssumeRolePolicyDocument="{}")["Role"]
    key = clients.ec2.create_key_pair(KeyName=f"theirs-{time.time_ns()}")["KeyName"]
    group = clients.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    (specification,) = document["LaunchSpecifications"]
    specification |= {"KeyName": key, **more.pop("specification", {})}
    specification["IamInstanceProfile"] = {
        "Arn": "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"
    }
    specification["NetworkInterfaces"][0] |= {"SubnetId": subnets, "Groups": [group]}
    return {**document, "IamFleetRole": role["Arn"], **more}


@pytest.mark.parametrize("form", ["original", "Distributed-CellProfiler"])
def test_fleet_files_of_the_original_and_of_its_sibling_start_machines_that_can_run(
    clients: Clients, app: str, tmp_path: Path, form: str
) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    flow.submit(clients)
    ids = [one["SubnetId"] for one in clients.ec2.describe_subnets()["Subnets"]][:3]
    document = an_original(clients, ids[0])
    if form != "original":
        # As DistributedScience/Distributed-CellProfiler has it, files/exampleFleet.json.
        frame = {"TargetCapacity": 3, "SpotPrice": "0.10", "ValidUntil": "2017-07-20T20:28:54Z"}
        document = an_original(clients, ", ".join(ids), specification={"InstanceType": "m4.xlarge"}, **frame)
    clock, screen = SteppedClock(time.time(), flow.join_machines), Screen()
    run = Start(flow.settings, clients, flow.record_path, clock, screen.terminal, lambda _: Answer("there"))

    record = start_cluster(run, parse_fleet_file(document, "fleet.json"))

    assert len(flow.machines()) == 2
    config = record.fleet_request["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]
    data = clients.ec2.describe_launch_template_versions(
        LaunchTemplateId=config["LaunchTemplateId"], Versions=[config["Version"]]
    )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    newest = clients.ssm.get_parameter(
        Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    )["Parameter"]["Value"]
    assert data["ImageId"] == newest
    (device,) = data["BlockDeviceMappings"]
    assert "SnapshotId" not in device["Ebs"] and device["Ebs"]["DeleteOnTermination"] is True
    assert device["Ebs"]["VolumeSize"] == 30
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert "ami-fad25980" in screen.text and "BlockDeviceMappings" in screen.text


def test_a_lambda_that_is_busy_is_asked_again_until_the_schedule_may_call_it(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=1)
    busy = LateSession(session, {"AddPermission": ("ResourceConflictException", "an update is in progress")})
    clock = SteppedClock(0)

    install_janitor(Clients(busy), run.record, clock)

    assert clock.now() == 6, "it pauses between two tries"
    policy = json.loads(run.clients.awslambda.get_policy(FunctionName=f"{app}Janitor")["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["janitor"]


def test_the_target_of_a_fleet_that_only_asks_once_is_left_alone(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    clients = Clients(session)
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    flow.submit(clients)
    run = Start(flow.settings, clients, flow.record_path, SteppedClock(time.time(), flow.join_machines),
              Screen().terminal, lambda _: Answer("there"))  # fmt: skip
    record = start_cluster(run, parse_fleet_file({"Type": "request"}, "fleet.json"))
    facts = record

    assert Observer(facts, clients).observe(time.time()).target_is_fixed
    assert perform(LowerTarget(1), facts, clients) is None
    assert len(flow.machines()) == 2


def test_a_machine_that_was_given_a_task_meanwhile_is_never_drained(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=1)
    (instance,) = run.machines()
    place = run.join(instance, tasks=1)  # PENDING: its machine has not started it yet
    recording = RecordingSession(session)
    machine = Machine(instance, "running", 0.0, container_instance=place)

    did = perform(EndMachines((machine,), "no work"), run.record, Clients(recording))

    assert did is None
    assert "UpdateContainerInstancesState" not in {call.operation for call in recording.calls}
    (task,) = run.clients.ecs.list_tasks(cluster=run.record.cluster)["taskArns"]
    assert task


def joined(run: ARun) -> list[Machine]:
    """Let all machines of a run join its cluster, without a task."""
    return [Machine(one, "running", 0.0, container_instance=run.join(one, tasks=0)) for one in run.machines()]


def alive(run: ARun, machines: list[Machine]) -> set[str]:
    """Return which of some machines exist."""
    return there_of(run.clients.ec2, [machine.instance_id for machine in machines])


def state_of(run: ARun, machine: Machine) -> str:
    """Return the state of a machine's container instance."""
    (found,) = run.clients.ecs.describe_container_instances(
        cluster=run.record.cluster, containerInstances=[machine.container_instance]
    )["containerInstances"]
    return found["status"]


def test_idle_machines_are_ended_together_and_those_that_ecs_does_not_drain_or_gives_a_task_stay(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=14)
    gone, given, kept, *idle = joined(run)
    run.clients.ecs.deregister_container_instance(
        cluster=run.record.cluster, containerInstance=gone.container_instance
    )
    recording = RecordingSession(session)
    clients = Clients(recording)

    def answered(parsed: dict[str, Any], **_: Any) -> None:
        """As if the service had placed a task meanwhile, and ECS had not drained one machine."""
        for item in list(parsed["containerInstances"]):
            if item["containerInstanceArn"] == kept.container_instance:
                parsed["containerInstances"].remove(item)
                parsed["failures"].append({"arn": kept.container_instance, "reason": "AGENT"})
            if item["containerInstanceArn"] == given.container_instance and item["status"] == "DRAINING":
                run.clients.ecs.start_task(
                    cluster=run.record.cluster,
                    taskDefinition=run.record.task_family,
                    containerInstances=[given.container_instance],
                )

    clients.ecs.meta.events.register("after-call.ecs.UpdateContainerInstancesState", answered)

    did = perform(EndMachines((gone, given, kept, *idle), "no work is left"), run.record, clients)

    ids = sorted(machine.instance_id for machine in idle)
    assert did == (
        f"11 machines ended: no work is left ({', '.join(ids)});"
        " some idle machines stay for now, because ECS cannot drain them: AGENT"
    )
    assert alive(run, [gone, given, kept, *idle]) == {one.instance_id for one in (gone, given, kept)}
    assert state_of(run, given) == "ACTIVE"
    assert Counter(call.operation for call in recording.calls) == {
        "DescribeContainerInstances": 2,
        "UpdateContainerInstancesState": 3,
        "TerminateInstances": 1,
    }


def test_no_machine_is_ended_where_draining_is_refused_and_all_are_active_where_looking_again_is(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=2)
    machines = joined(run)
    refusing = RecordingSession(session, ("UpdateContainerInstancesState",))

    did = perform(EndMachines((*machines,), "no work is left"), run.record, Clients(refusing))

    assert did
    assert did.startswith("some idle machines stay for now, because ECS cannot drain them: ")
    assert len(alive(run, machines)) == 2

    clients = Clients(session)
    drained = list[bool]()
    events: Any = clients.ecs.meta.events
    events.register("after-call.ecs.UpdateContainerInstancesState", lambda **_: drained.append(True))
    events.register(
        "before-call.ecs.DescribeContainerInstances",
        lambda **_: refusal("ServerException", 500, "try later") if drained else None,
    )
    assert perform(EndMachines((*machines,), "no work is left"), run.record, clients)
    assert len(alive(run, machines)) == 2
    assert [state_of(run, machine) for machine in machines] == 2 * ["ACTIVE"]


def test_a_machine_that_is_not_active_yet_keeps_no_other_from_being_drained(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=3)
    young, *idle = joined(run)
    clients = Clients(session)

    events: Any = clients.ecs.meta.events

    def refused(params: dict[str, Any], **_: Any) -> Any:
        is_asked = young.container_instance in str(params["body"])
        return refusal("InvalidParameterException", 400, "it is not active") if is_asked else None

    events.register("before-call.ecs.UpdateContainerInstancesState", refused)

    did = perform(EndMachines((young, *idle), "no work is left"), run.record, clients)

    assert did
    assert did.startswith("2 machines ended: no work is left")
    assert alive(run, [young, *idle]) == {young.instance_id}


def test_a_machine_that_may_not_be_terminated_keeps_no_other_alive(
    session: EmulatedSession, app: str
) -> None:
    run = a_run(Clients(session), app, machines=3)
    first, *others = run.machines()
    run.clients.ec2.modify_instance_attribute(InstanceId=first, DisableApiTermination={"Value": True})

    with pytest.raises(ClientError, match=first):
        terminate(run.clients.ec2, [first, *others])

    assert there_of(run.clients.ec2, [first, *others]) == {first}


def test_a_task_that_does_not_run_yet_leaves_it_known_who_works(session: EmulatedSession, app: str) -> None:
    run = a_run(Clients(session), app, machines=1)
    run.join(run.machines()[0], tasks=1)

    seen = Observer(run.record, run.clients).observe(time.time())

    assert [task.status for task in seen.tasks] == ["PENDING"]
    assert [task.at_work for task in seen.tasks] == [None]
    assert seen.work_is_known


def test_a_start_asks_for_todays_image_and_going_on_leaves_the_tasks_alone(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    flow = a_flow(Clients(session), app, tmp_path)
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    recording = RecordingSession(session)
    flow.start(Clients(recording))
    record = json.loads(flow.record_path.read_text())
    flow.record_path.write_text(json.dumps(record | {"ready": False}))
    flow.start(Clients(recording))

    updates = [call.parameters for call in recording.calls if call.operation == "UpdateService"]
    assert [update["forceNewDeployment"] for update in updates] == [True, False]


def test_alarms_are_made_no_faster_than_cloudwatch_takes_them(session: EmulatedSession, app: str) -> None:
    run = a_run(Clients(session), app, machines=1)
    clients, sent = Clients(session), []
    clients.cloudwatch.meta.events.register(
        "request-created.cloudwatch.PutMetricAlarm", lambda **_: sent.append(time.monotonic())
    )
    begun: list[float] = []
    clients.cloudwatch.meta.events.register_last(
        "before-send.cloudwatch.PutMetricAlarm", lambda **_: begun.append(time.monotonic()) or None
    )

    for number in range(7):
        perform(AddAlarm(f"i-{number:017x}"), run.record, clients)

    assert len(begun) == 7
    assert all(later - sooner >= 0.99 for sooner, later in zip(begun, begun[3:], strict=False))


def test_a_cluster_without_room_for_the_fleet_is_named_with_what_fits(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    clients = Clients(session)
    flow = a_flow(clients, app, tmp_path, CLUSTER_MACHINES=1000)
    flow.setup(clients)
    others = 4000

    def crowded(parsed: dict[str, Any], **_: Any) -> None:
        parsed["clusters"][0]["registeredContainerInstancesCount"] = others

    events: Any = clients.ecs.meta.events
    events.register("after-call.ecs.DescribeClusters", crowded)

    assert look_at_cluster(flow.settings, clients) == []
    others = 4700
    (finding,) = look_at_cluster(flow.settings, clients)
    assert (finding.id, finding.severity, finding.field) == ("fleet-limits", "stop", "ECS_CLUSTER")
    assert finding.sentence == (
        f"ECS_CLUSTER = '{flow.settings.ECS_CLUSTER}' has 4,700 machines, and CLUSTER_MACHINES = 1000 more"
        " are too many; a cluster of ECS has 5,000 at most. Lower CLUSTER_MACHINES to 300, or choose another"
        " ECS_CLUSTER"
    )


def test_hundreds_of_machines_are_asked_for_in_filters_that_ec2_takes(clients: Clients, app: str) -> None:
    run = a_run(clients, app, machines=1)
    (instance,) = run.machines()

    # tests/conftest.py holds each request to EC2's limit of 200 values.
    assert there_of(clients.ec2, [f"i-{number:017x}" for number in range(450)] + [instance]) == {instance}


def test_letters_that_are_too_large_together_are_all_moved(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    dead = clients.sqs.get_queue_url(QueueName=flow.settings.SQS_DEAD_LETTER_QUEUE)["QueueUrl"]
    for number in range(7):
        job = {"Metadata": {"Well": f"A{number}", "note": "x" * 200_000}, "output_file_location": "out",
               "shared_metadata": {}}  # fmt: skip
        clients.sqs.send_message(QueueUrl=dead, MessageBody=json.dumps(job))

    done = redrive(flow.settings, clients, SteppedClock(time.time()), Screen().terminal)

    assert (done.moved, done.left) == (7, 0)
    assert len(flow.messages()) == 7


def refusing(client: Any, operation: str) -> None:
    """Let EventBridge refuse an operation's one entry, inside a 200 answer."""

    def refuse(parsed: Any, **_: Any) -> None:
        failed = {
            "TargetId": "janitor",
            "ErrorCode": "ConcurrentModificationException",
            "ErrorMessage": "busy",
        }
        parsed.update(FailedEntryCount=1, FailedEntries=[failed])

    client.meta.events.register(f"after-call.events.{operation}", refuse)


def test_a_schedule_without_its_target_starts_no_fleet(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    flow = a_flow(Clients(session), app, tmp_path)
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    clients = Clients(session)
    refusing(clients.events, "PutTargets")

    with pytest.raises(NoJanitor, match="ConcurrentModificationException"):
        flow.start(clients)

    assert flow.fleets() == []
    left = {item.kind for item in inventory(flow.clients, app) if item.bills}
    assert left == set(), "a schedule that calls nobody would stay for ever"


def test_half_a_janitor_that_cannot_be_taken_back_ends_start_cluster_with_exit_code_4(
    session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    flow = a_flow(Clients(session), app, tmp_path)
    flow.setup(flow.clients)
    flow.submit(flow.clients)
    clients = Clients(session)
    refusing(clients.events, "PutTargets")
    refusing(clients.events, "RemoveTargets")

    with pytest.raises(SomethingLeft, match=f"cleanup {app}") as caught:
        flow.start(clients)

    assert caught.value.exit_code == 4
    assert "No fleet was started" in str(caught.value) and "RemoveTargets" in str(caught.value)
    assert flow.fleets() == []
    assert "schedule" in {item.kind for item in inventory(flow.clients, app)}
    assert clean(flow.clients, app, keep=())[0] == 0


def test_a_target_that_is_not_removed_is_no_schedule_removed(session: EmulatedSession, app: str) -> None:
    run = a_run(Clients(session), app, machines=1)
    install_janitor(run.clients, run.record, SteppedClock(time.time()))
    clients = Clients(session)
    refusing(clients.events, "RemoveTargets")

    with pytest.raises(Exception, match="RemoveTargets"):
        remove_schedule(clients.events, app)

    assert "schedule" in {item.kind for item in inventory(run.clients, app)}


def test_two_rounds_of_the_janitor_never_work_at_once_and_a_dead_one_keeps_nobody_out(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app, machines=1)
    install_janitor(clients, run.record, SteppedClock(time.time()))
    told: list[str] = []
    clock = SteppedClock(time.time())
    post = JanitorConfig(app, run.bucket)

    with turn(clients.s3, run.bucket, app, clients.region, clock) as is_ours:
        assert is_ours
        assert run_round(post, clients, clock, told.append) == []
        assert told == ["Another round of the janitor is running and does the work."]
    forever = json.dumps({"until": clock.now() + 10**9}).encode()
    clients.s3.put_object(
        Bucket=run.bucket, Key=state_key(app, "rounds", f"{clients.region}.json"), Body=forever
    )
    with turn(clients.s3, run.bucket, app, clients.region, clock) as is_ours:
        assert is_ours, "no round writes so, and nobody may keep the janitor out"
        clock.sleep(100)
        with turn(clients.s3, run.bucket, app, clients.region, clock) as is_ours:
            assert is_ours, "the round before it has not renewed its turn, so that it is dead"


def test_volumes_and_parts_of_uploads_are_found_and_removed(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    flow.submit(clients)
    flow.start(clients)
    tags = [{"ResourceType": "volume", "Tags": [{"Key": APP_TAG, "Value": app}]}]
    volume = clients.ec2.create_volume(AvailabilityZone="us-east-1a", Size=30, TagSpecifications=tags)
    bucket = flow.settings.AWS_BUCKET
    for key in ("results/A1/huge.tif", "elsewhere/theirs.tif"):
        clients.s3.create_multipart_upload(Bucket=bucket, Key=key)

    found = {item.kind: item for item in inventory(clients, app) if item.kind in ("volume", "upload")}
    screen, clock = Screen(), SteppedClock(time.time())
    code = cleanup(
        clients, app, confirm=lambda _: True, keep=("logs", "results"), clock=clock, out=screen.terminal
    )

    assert found["volume"].name == volume["VolumeId"] and found["volume"].bills
    assert found["upload"].name.startswith("results/A1/huge.tif?uploadId=") and found["upload"].bills
    assert code == 0, screen.text
    assert not [item for item in inventory(clients, app) if item.bills]
    left = clients.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert [upload["Key"] for upload in left] == ["elsewhere/theirs.tif"]


def test_setup_says_what_of_a_bucket_bills_on_unseen(clients: Clients, app: str) -> None:
    bucket = f"notes-{app.lower()}"
    clients.s3.create_bucket(Bucket=bucket)
    clients.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    before = " ".join(datacosts.bucket_notes(clients.s3, bucket))
    rule = {"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}  # fmt: skip
    clients.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    after = " ".join(datacosts.bucket_notes(clients.s3, bucket))

    assert "AbortIncompleteMultipartUpload" in before and "AbortIncompleteMultipartUpload" not in after
    assert "old versions" in before and "old versions" in after


def test_a_lifecycle_rule_for_some_keys_alone_is_said(clients: Clients, app: str) -> None:
    bucket = f"rules-{app.lower()}"
    clients.s3.create_bucket(Bucket=bucket)
    rule = {"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": "tmp/"},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}  # fmt: skip
    clients.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})

    (note,) = datacosts.bucket_notes(clients.s3, bucket)

    assert "AbortIncompleteMultipartUpload covers only keys that begin with 'tmp/'; elsewhere parts" in note


def test_a_pattern_that_lists_a_whole_plate_for_each_well_is_said(
    clients: Clients, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"plate-{app.lower()}"
    clients.s3.create_bucket(Bucket=bucket)
    for number in range(6):
        clients.s3.put_object(Bucket=bucket, Key=f"plate/x_A0{number}.tif", Body=b"")
    monkeypatch.setattr(datacosts, "FEW_KEYS", 5)
    groups = [{"Well": f"A0{number}"} for number in range(6)]

    def doubts(pattern: str) -> list[str]:
        document = {"output_file_location": "out/{Well}", "inputs": [pattern], "groups": groups}
        settings, _ = parse_settings({"APP_NAME": app, "AWS_BUCKET": bucket, "SCRIPT_DOWNLOAD_URL": "a.ijm"})
        found = look_at_inputs(settings, clients.s3, parse_job_file(document, "jobs.json"))
        return [one.found for one in found if one.id == "inputs"]

    assert "6 jobs each list 6 keys, all that begin with" in doubts("plate/*{Well}*.tif")[0]
    assert doubts("plate/x_{Well}*.tif") == []
    assert doubts("plate/x_{Well}.tif") == []


class Asked:
    """Answers questions and keeps them."""

    def __init__(self, *, answer: bool) -> None:
        self.answer, self.findings = answer, list[str]()

    def __call__(self, what: str, findings: Sequence[str]) -> None:
        self.findings += findings
        if findings and not self.answer:
            raise InvalidInput(what, ["you answered no"])


def a_start(flow: Flow, confirm: Callable[[str, Sequence[str]], None]) -> Start:
    clock = SteppedClock(time.time(), flow.join_machines)
    return Start(flow.settings, flow.clients, flow.record_path, clock, Screen().terminal,
               lambda _: Answer("there"), confirm=confirm)  # fmt: skip


def test_a_fleet_without_jobs_or_with_too_few_is_asked_about_before_anything_is_made(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path, CLUSTER_MACHINES=7, TASKS_PER_MACHINE=2)
    flow.setup(clients)
    file = parse_fleet_file({}, "fleet.json")
    empty, few = Asked(answer=False), Asked(answer=False)

    with pytest.raises(InvalidInput):
        start_cluster(a_start(flow, empty), file)
    flow.submit(clients)
    with pytest.raises(InvalidInput):
        start_cluster(a_start(flow, few), file)

    assert "is empty" in empty.findings[0]
    assert few.findings == [
        "12 jobs are waiting, but 7 machines run 14 at once: CLUSTER_MACHINES = 6 is enough"
    ]
    assert "fleet" not in {item.kind for item in inventory(clients, app)}
    assert "launch template" not in {item.kind for item in inventory(clients, app)}
    start_cluster(a_start(flow, Asked(answer=True)), file)
    assert len(flow.fleets()) == 1


def submit(flow: Flow, manner: Manner, document: dict[str, Any] = JOBS) -> Any:
    file = "jobs.json", parse_job_file(document, "jobs.json")
    return submit_job(flow.settings, flow.clients, file, SteppedClock(time.time()), Screen().terminal, manner)


def test_jobs_that_wait_already_are_asked_about_and_done_ones_are_not(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    asked = Asked(answer=False)
    submit(flow, Manner(confirm=asked))
    assert asked.findings == []

    with pytest.raises(InvalidInput):
        submit(flow, Manner(confirm=asked))

    assert "12 of 12 jobs were submitted before (jobs.json" in asked.findings[0]
    assert len(flow.messages()) == len(WELLS)


def test_replace_takes_waiting_jobs_back_and_nothing_else(clients: Clients, app: str, tmp_path: Path) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    submit(flow, Manner())
    url = clients.sqs.get_queue_url(QueueName=flow.settings.SQS_QUEUE_NAME)["QueueUrl"]
    taken = clients.sqs.receive_message(QueueUrl=url)["Messages"][0]
    (theirs,) = some_jobs(1)
    clients.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({
        "Metadata": theirs.metadata, "output_file_location": "out", "shared_metadata": {}}))  # fmt: skip
    new = {"output_file_location": "new/{Well}", "groups": [{"Well": "B1"}]}

    done = submit(flow, Manner(replace=True), new)

    assert (done.taken_back.taken, done.taken_back.left, done.taken_back.refused) == (11, 1, 0)
    wells = sorted(body["Metadata"]["Well"] for body in flow.messages())
    assert wells == ["B1", theirs.metadata["Well"]]
    runs_on = json.loads(taken["Body"])["job_id"]
    counted = [list(one.job_ids) for one in all_submissions(clients.s3, flow.settings.AWS_BUCKET, app)]
    expected = Job({"Well": "B1"}, "new/B1").job_id
    assert counted == [[runs_on], [expected]]


def test_a_log_group_of_somebody_else_keeps_its_retention(clients: Clients, app: str, tmp_path: Path) -> None:
    clients.logs.create_log_group(logGroupName=f"{app}-theirs")
    clients.logs.put_retention_policy(logGroupName=f"{app}-theirs", retentionInDays=365)
    flow = a_flow(clients, app, tmp_path, LOG_GROUP_NAME=f"{app}-theirs")

    flow.setup(clients)

    groups = clients.logs.describe_log_groups(logGroupNamePrefix=app)["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert kept == {f"{app}-theirs": 365, f"{app}-theirs_perInstance": 60}


def test_without_a_log_group_the_console_goes_to_the_bucket_alone(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path, LOG_GROUP_NAME="")

    setup(flow.settings, clients, flow.folder, SteppedClock(time.time()), Screen().terminal)

    groups = clients.logs.describe_log_groups(logGroupNamePrefix=app)["logGroups"]
    assert [group["logGroupName"] for group in groups] == [f"{app}_perInstance"]
    policy = clients.iam.get_role_policy(RoleName=f"{app}-us-east-1-fiji-task",
                                         PolicyName=f"{app}-us-east-1-fiji-task")  # fmt: skip
    assert "logs:" not in json.dumps(policy["PolicyDocument"])


def test_what_another_version_left_is_made_as_this_one_wants_it(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    flow = a_flow(clients, app, tmp_path)
    flow.setup(clients)
    flow.submit(clients)
    record = flow.start(clients)
    name = f"{app}Janitor"
    with io.BytesIO() as package:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("old.py", "")
        clients.awslambda.update_function_code(FunctionName=name, ZipFile=package.getvalue())
    clients.awslambda.update_function_configuration(FunctionName=name, Timeout=3)
    flow.more["SQS_MESSAGE_VISIBILITY"] = 300
    role = f"{app}-us-east-1-fiji-task"
    clients.iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps(trust("ecs-tasks.amazonaws.com"))
    )

    install_janitor(clients, record, SteppedClock(time.time()))
    changed = {change.kind for change in flow.setup(clients) if change.did == "changed"}

    assert clients.awslambda.get_function_configuration(FunctionName=name)["Timeout"] == 900
    assert {"queue", "task definition", "role"} <= changed
    document = clients.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert "aws:SourceAccount" in json.dumps(document)
    assert app in find_apps(clients, queues_with_tags(clients.sqs, Strict()), Strict())
