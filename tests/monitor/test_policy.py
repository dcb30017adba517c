"""What the janitor asks of AWS, from its first round to its last, is what its role allows, no more."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field

import pytest

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.janitor.policy import janitor_grants, janitor_policy
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.state.record import Run
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.recording import RecordingSession
from tests.policy.calls import Place, needs
from tests.policy.evaluator import Need, allowed
from worker.contract.jobs import APP_TAG

ACCOUNT = "123456789012"

#: More of these than fit into one request go into the bucket in parts.
LARGE_LOG = 48 * [200_000]


@dataclass
class Janitor:
    """A janitor at a run, with all that it needs of its role and the tags of all there ever was."""

    session: RecordingSession
    run: ARun
    topic: str = ""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def install(self) -> None:
        install_janitor(self.run.clients, self.run.record, SteppedClock(time.time()), "owner@example.org")
        function = self.run.clients.awslambda.get_function_configuration(
            FunctionName=f"{self.run.app}Janitor"
        )
        self.topic = function["Environment"]["Variables"]["TOPIC"]

    def run_round(self, after: float = 0) -> None:
        """Do a round some seconds from now."""
        self._read_tags()
        clock = SteppedClock(time.time() + after, self.run.report_stopped_tasks)
        post = JanitorConfig(self.run.app, self.run.bucket, self.topic)
        self.problems += run_round(post, Clients(self.session), clock, lambda _: None)

    def _read_tags(self) -> None:
        ec2 = self.run.clients.ec2
        fleets = pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs")
        found = [(item["SpotFleetRequestId"], item) for item in fleets]
        # moto lists no more than a part of them, and does not say that there are more.
        named = {"Name": "launch-template-name", "Values": [self.run.record.launch_template]}
        templates = ec2.describe_launch_templates(Filters=[named])["LaunchTemplates"]
        found += [(item["LaunchTemplateId"], item) for item in templates]
        for reservation in pages(ec2, "describe_instances", "Reservations"):
            found += [(item["InstanceId"], item) for item in reservation["Instances"]]
        for name, item in found:
            self.tags[name] = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}

    def needs(self) -> list[Need]:
        # A service gives its tag to its tasks (documents.service: propagateTags), which moto does not do.
        own = {APP_TAG: self.run.app}

        def tags(name: str) -> dict[str, str]:
            return own if ":task/" in name else self.tags.get(name, {})

        place = Place(self.session.region_name, ACCOUNT, tags)
        return [need for call in self.session.calls for need in needs(call, place)]


@pytest.fixture(scope="module")
def tended(session: EmulatedSession) -> tuple[Run, list[Need]]:
    """A run that shrinks, loses machines and ends, with a dead letter and much in its log."""
    run = a_run(Clients(session), "Policed", machines=3)
    run.submit(some_jobs(2))
    run.work_off()
    write_logs(run)
    task = work_on(run)
    janitor = Janitor(RecordingSession(session, refused=("UploadPart",)), run)
    janitor.install()
    for _ in range(3):
        janitor.run_round()
    assert len(run.machines()) == 1
    run.give_up()
    protect(run, task, False)
    janitor.run_round()
    assert janitor.problems == []
    left = {item.kind for item in inventory(run.clients, run.app)}
    assert not left & {"machine", "fleet", "service", "schedule", "janitor", "alarm"}, left
    return run.record, janitor.needs()


def work_on(run: ARun) -> str:
    """Let all machines join and one worker hold a job; return its task."""
    ecs, cluster = run.clients.ecs, run.record.cluster
    places = [run.join(machine, tasks=0) for machine in run.machines()]
    group = f"service:{run.record.service}"
    (task,) = ecs.start_task(
        cluster=cluster, taskDefinition=run.record.task_family, containerInstances=places[:1], group=group
    )["tasks"]
    ecs.submit_task_state_change(cluster=cluster, task=task["taskArn"], status="RUNNING")
    protect(run, task["taskArn"], True)
    return task["taskArn"]


def protect(run: ARun, task: str, enabled: bool) -> None:
    run.clients.ecs.update_task_protection(
        cluster=run.record.cluster, tasks=[task], protectionEnabled=enabled
    )


def write_logs(run: ARun) -> None:
    logs, group = run.clients.logs, run.record.machine_log_group
    logs.create_log_stream(logGroupName=group, logStreamName="job")
    for size in LARGE_LOG:
        event = {"timestamp": int(time.time() * 1000), "message": base64.b64encode(os.urandom(size)).decode()}
        logs.put_log_events(logGroupName=group, logStreamName="job", logEvents=[event])


def test_every_call_of_the_janitor_is_allowed_by_its_role(tended: tuple[Run, list[Need]]) -> None:
    run, needed = tended
    policy = janitor_policy(run, ACCOUNT)

    assert {need for need in needed if not allowed(policy, need)} == set()
    assert len(needed) > 100


def test_every_action_of_the_janitors_role_is_used(tended: tuple[Run, list[Need]]) -> None:
    run, needed = tended

    granted = {
        action for grant in janitor_grants(run, ACCOUNT) for action in grant.actions if not grant.made_by
    }

    assert granted == {need.action for need in needed}
