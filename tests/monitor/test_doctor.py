"""`doctor` names the first broken link: planted causes through the real command, and runs that are well."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import run as program
from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.view import View
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.result import Verdict, save_verdict
from distributed_fiji.state.recordfile import upload_record, write_record
from tests.commands import Ended
from tests.emulators import CLIENT_ENVIRONMENT
from tests.monitor.builders import REGION, ARun, EmulatedSession, a_run, some_jobs
from tests.monitor.planting import (
    Garden,
    ended,
    fleet_events,
    internet_gateway,
    no_machines,
    older,
    older_manifests,
    planting,
    with_network,
    with_profile,
)
from tests.monitor.screen import Screen, watch
from tests.monitor.world import World
from tests.policy.trail import acting, user_of

MINUTES = 60


@dataclass
class Patient:
    """A run, the proxies before its emulators, and the command that examines it.

    `is_judged`: whether its calls are held to the policy for config.py, which names no earlier queue.
    `has_record`: whether the run was started here.
    """

    run: ARun
    control: Garden
    data: Garden
    folder: Path
    capsys: pytest.CaptureFixture[str]
    settings: dict[str, Any]
    is_judged: bool = True
    has_record: bool = True

    @property
    def clients(self) -> Clients:
        return self.run.clients

    def began(self, minutes: float) -> None:
        """Let the run have begun so many minutes ago."""
        self.run.record = replace(self.run.record, started=time.time() - minutes * MINUTES)

    def doctor(self, *words: str) -> Ended:
        """Run the command, with the run's record or for the app in config.py."""
        config = self.folder / "config.py"
        config.write_text("".join(f"{name} = {value!r}\n" for name, value in self.settings.items()))
        path = self.folder / "record.json"
        write_record(path, self.run.record)
        arguments = ["--config", str(config), "doctor", *([str(path)] if self.has_record else []), *words]
        self.capsys.readouterr()
        with acting.as_role(user_of(arguments)) if self.is_judged else nullcontext():
            code = program.run(arguments)
        said = self.capsys.readouterr()
        return Ended(code, said.out, said.err)

    def chain(self) -> tuple[Ended, list[dict[str, Any]]]:
        """Run the command; return how it ended, and its records."""
        said = self.doctor("--json")
        return said, json.loads(said.out)


@pytest.fixture
def patient(
    session: EmulatedSession,
    clients: Clients,
    app: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Patient]:
    """A run of two machines that began half an hour ago."""
    made = a_run(clients, app)
    with planting(session.control) as control, planting(session.data) as data:
        environment = EmulatedSession(control.url, data.url).environment | CLIENT_ENVIRONMENT
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings = {
            "APP_NAME": app,
            "AWS_BUCKET": made.bucket,
            "AWS_REGION": REGION,
            "SCRIPT_DOWNLOAD_URL": "s3://b/script.py",
            "ECS_CLUSTER": made.record.cluster,
        }
        found = Patient(made, control, data, tmp_path, capsys, settings)
        found.began(30)
        yield found


Planter = Callable[[Patient], None]

#: Each planted cause: the link and the id that must be named, and words that the answer must have.
PLANTED: dict[str, tuple[Planter, str, str, str]] = {}


def planted(link: str, cause: str, words: str) -> Callable[[Planter], Planter]:
    """Add a cause to the table, under the function's name."""

    def add(plant: Planter) -> Planter:
        PLANTED[plant.__name__] = (plant, link, cause, words)
        return plant

    return add


# The keys, the run, its queue.


@planted("credentials", "credentials", "aws sso login")
def expired_keys(patient: Patient) -> None:
    said = "The security token included in the request is expired"
    body = f"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>{said}</Message></Error></ErrorResponse>"
    patient.control.answer("GetCallerIdentity", lambda _: body, 403)


@planted("run", "not-set-up", "setup")
def no_setup(patient: Patient) -> None:
    patient.has_record = False
    patient.settings |= {"APP_NAME": "Never", "ECS_CLUSTER": "NeverCluster"}


@planted("run", "not-started", "startCluster was not run")
def no_start(patient: Patient) -> None:
    patient.has_record = False
    patient.run.submit(some_jobs(3))


@planted("run", "start-interrupted", "startCluster")
def start_was_killed(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    patient.run.record = replace(patient.run.record, fleet_id="", ready=False)


@planted("run", "ended", "raise MAX_COST")
def cost_is_reached(patient: Patient) -> None:
    run = patient.run
    save_verdict(patient.clients.s3, run.record, Verdict(End.COST.value, 1, 0, 2, 0))


@planted("run", "not-started", "3 messages in the queue, submitted after that")
def new_jobs_wait_after_a_run_that_ended(patient: Patient) -> None:
    a_run_that_ended_well(patient)
    patient.run.submit(some_jobs(3))


@planted("run", "no-bucket", "does not exist")
def the_bucket_was_deleted(patient: Patient) -> None:
    patient.run.record = replace(patient.run.record, bucket=f"gone-{patient.run.app.lower()}")
    patient.is_judged = False


@planted("run", "no-bucket", "does not exist")
def no_bucket_yet(patient: Patient) -> None:
    no_setup(patient)
    patient.settings["AWS_BUCKET"] = "not-made-yet"


@planted("run", "cleaned-up", "was cleaned up")
def all_is_gone(patient: Patient) -> None:
    run, clients = patient.run, patient.clients
    clients.sqs.delete_queue(QueueUrl=run.queue_url)
    clients.ecs.delete_service(cluster=run.record.cluster, service=run.record.service, force=True)
    run.record = replace(run.record, fleet_id="sfr-00000000-0000-0000-0000-000000000000")


@planted("queue", "queue-gone", "does not exist")
def queue_was_deleted(patient: Patient) -> None:
    patient.clients.sqs.delete_queue(QueueUrl=patient.run.queue_url)


@planted("queue", "no-jobs", "submitJob")
def nothing_was_submitted(patient: Patient) -> None:
    at_work(patient)


@planted("queue", "submit-interrupted", "submitJob jobs.json --replace")
def submission_was_killed(patient: Patient) -> None:
    patient.run.submit(some_jobs(3), sent=False, complete=False, at=time.time() - 20 * MINUTES)


@planted("queue", "other-queue", "SQS_QUEUE_NAME")
def jobs_went_to_another_queue(patient: Patient) -> None:
    url = patient.clients.sqs.create_queue(QueueName=f"{patient.run.app}Second")["QueueUrl"]
    patient.clients.sqs.send_message(QueueUrl=url, MessageBody="{}")
    patient.settings["SQS_QUEUE_NAME"] = f"{patient.run.app}Second"
    patient.is_judged = False


@planted("queue", "given-up", "1 done, 2 given up")
def the_rest_was_given_up(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    patient.run.work_off()
    for _ in range(2):
        patient.run.give_up(reported="no such image")


@planted("queue", "lost-jobs", "3 of 3 jobs are neither done nor in the queue")
def messages_are_lost(patient: Patient) -> None:
    patient.run.submit(some_jobs(3), sent=False)


@planted("queue", "hidden", "wait")
def all_jobs_wait_for_their_retry(patient: Patient) -> None:
    (job,) = some_jobs(1)
    patient.run.submit([job])
    patient.run.take()
    patient.run.fail(job.job_id, 1, "no such image")
    at_work(patient)


# The fleet and its machines.


@planted("fleet", "fleet-ended", "startCluster")
def fleet_was_cancelled(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    cancel(patient)


@planted("fleet", "time-over", "MAX_HOURS")
def fleet_is_out_of_time(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    patient.run.record = replace(patient.run.record, valid_until="2026-01-01T00:00:00+00:00")
    cancel(patient)


def cancel(patient: Patient) -> None:
    fleets = [patient.run.record.fleet_id]
    patient.clients.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=fleets, TerminateInstances=True)


@planted("fleet", "fleet-gone", "does not know fleet")
def fleet_is_unknown(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    patient.run.record = replace(patient.run.record, fleet_id="sfr-00000000-0000-0000-0000-000000000000")


INVALID = "spotFleetRequestConfigurationInvalid"

#: What EC2 says about a fleet without machines, and which link and cause that is.
FLEETS = {
    "role": ("error", "iamFleetRoleInvalid", "The fleet has no permission to launch", "fleet", "fleet-role"),
    "image": ("error", INVALID, "The image id '[ami-1]' does not exist", "fleet", "machine-image"),
    "subnet": ("error", INVALID, "The subnet ID 'subnet-1' does not exist", "fleet", "subnet"),
    "key": ("error", INVALID, "m5.large: The key pair 'me' does not exist", "fleet", "key-pair"),
    "profile": ("error", INVALID, "Value (p) for parameter iamInstanceProfile.name is invalid", "fleet",
                "profile"),
    "quota": ("error", "spotInstanceCountLimitExceeded", "Max spot instance count exceeded", "capacity",
              "spot-quota"),
    "price": ("information", "launchSpecUnusable", "Spot bid price is less than Spot market price $0.02",
              "capacity", "price"),
    "shortage": ("error", INVALID, "There is no Spot capacity available that matches your request.",
                 "capacity", "shortage"),
}  # fmt: skip


def a_fleet_that_says(kind: str, sub: str, text: str, link: str, cause: str) -> None:
    def plant(patient: Patient) -> None:
        patient.run.submit(some_jobs(3))
        patient.control.answer("DescribeInstances", no_machines)
        patient.control.plants["DescribeSpotFleetRequestHistory"] = fleet_events((kind, sub, text))

    PLANTED[f"fleet_{cause}"] = (plant, link, cause, text)


for row in FLEETS.values():
    a_fleet_that_says(*row)


@planted("capacity", "no-machine", "more machine types")
def no_machine_and_no_reason(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    patient.control.answer("DescribeInstances", no_machines)


@planted("instances", "volume-key", "KMS key")
def machines_end_at_start(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    why = "Client.InternalError: Client error on launch"
    patient.control.answer("DescribeInstances", lambda answer: ended(answer, why))


@planted("instances", "interrupted", "Server.SpotInstanceTermination")
def machines_were_taken_back(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    why = "Server.SpotInstanceTermination: Instance terminated due to Spot interruption"
    patient.control.answer("DescribeInstances", lambda answer: ended(answer, why))


@planted("joined", "wrong-cluster", "ECS_CLUSTER=elsewhere")
def user_data_names_another_cluster(patient: Patient) -> None:
    stranded(patient)
    data = base64.b64encode(b"#!/bin/bash\necho ECS_CLUSTER=elsewhere >> /etc/ecs/ecs.config\n").decode()
    patient.clients.ec2.create_launch_template_version(
        LaunchTemplateName=patient.run.record.launch_template,
        LaunchTemplateData={"ImageId": "ami-12c6146b", "UserData": data},
    )


@planted("joined", "profile", "has no instance profile")
def machines_have_no_role(patient: Patient) -> None:
    stranded(patient)
    patient.control.answer("DescribeInstances", older)


@planted("joined", "profile", "does not exist any more")
def the_profile_was_deleted(patient: Patient) -> None:
    patient.settings["INSTANCE_PROFILE"] = "deleted"
    stranded(patient, profile="deleted")


@planted("joined", "no-way-out", "no route to the internet")
def the_subnet_has_no_way_out(patient: Patient) -> None:
    stranded(patient)
    routes = "DescribeRouteTables"
    patient.control.answer(routes, lambda _: f"<{routes}Response><routeTableSet/></{routes}Response>")


@planted("joined", "no-way-out", "serves only machines with a public address")
def machines_have_no_public_address(patient: Patient) -> None:
    stranded(patient, public=False)
    patient.control.answer("DescribeRouteTables", internet_gateway)


@planted("joined", "not-joined", "security group")
def machines_do_not_join(patient: Patient) -> None:
    stranded(patient)
    patient.control.answer("DescribeRouteTables", internet_gateway)


@planted("joined", "agent", "not connected")
def agents_lost_their_connection(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    at_work(patient)

    def lose(answer: Any) -> None:
        for place in answer["containerInstances"]:
            place["agentConnected"] = False

    patient.control.document("DescribeContainerInstances", lose)


def stranded(patient: Patient, *, profile: str = "", public: bool = True) -> None:
    """Let machines have a role and an address, and run for an hour without joining."""
    patient.run.submit(some_jobs(3))
    own = profile or f"{patient.run.app}-{REGION}-fiji-instance"
    patient.control.answer(
        "DescribeInstances", lambda answer: with_network(with_profile(answer, own), public)
    )


# Tasks, workers, the first job.


@planted("placed", "no-service", "setup")
def service_was_deleted(patient: Patient) -> None:
    joined(patient)
    record = patient.run.record
    patient.clients.ecs.delete_service(cluster=record.cluster, service=record.service, force=True)


@planted("placed", "service-zero", "wants 0 tasks")
def service_wants_nothing(patient: Patient) -> None:
    joined(patient)
    record = patient.run.record
    patient.clients.ecs.update_service(cluster=record.cluster, service=record.service, desiredCount=0)


#: What a service says while no task finds a place.
PLACES = {
    "memory": "was unable to place a task because no container instance met all of its requirements. The"
    " closest matching container-instance 1 has insufficient memory available.",
    "processors": "was unable to place a task because no container instance met all of its requirements. The"
    " closest matching container-instance 1 has insufficient CPU units available.",
    "attribute": "was unable to place a task because no container instance met all of its requirements. The"
    " closest matching container-instance 1 is missing an attribute required by your task.",
    "task-role": "failed to launch a task with (error ECS was unable to assume the role 'r' that was provided"
    " for this task.)",
}


def a_service_that_says(cause: str, text: str) -> None:
    def plant(patient: Patient) -> None:
        joined(patient)
        event = {"id": "1", "createdAt": time.time() - 60, "message": f"(service s) {text}"}
        patient.control.document(
            "DescribeServices", lambda answer: answer["services"][0].update(events=[event])
        )

    PLANTED[f"service_{cause}"] = (plant, "placed", cause, text)


for name, text in PLACES.items():
    a_service_that_says(name, text)


@planted("placed", "place", "gives no reason")
def service_says_nothing(patient: Patient) -> None:
    joined(patient)


#: How tasks end: link, cause, ECS's reason, exit code (None: it never ran), the log's lines.
ENDS: dict[str, tuple[str, str, str, int | None, str]] = {
    "missing": ("image", "image-missing", "CannotPullContainerError: Error response from daemon: manifest"
                " for worker:1 not found: manifest unknown", None, ""),
    "denied": ("image", "image-denied", "CannotPullContainerError: Error response from daemon: pull access"
               " denied for worker, repository does not exist or may require 'docker login'", None, ""),
    "slow": ("image", "image-unreachable", "CannotPullContainerError: Error response from daemon: Get"
             " https://registry/v2/: net/http: request canceled (Client.Timeout exceeded)", None, ""),
    "manifest": ("image", "image-architecture", "CannotPullContainerError: no matching manifest for"
                 " linux/arm64/v8 in the manifest list entries", None, ""),
    "architecture": ("image", "image-architecture", "Essential container in task exited", 1,
                     "exec /usr/bin/python3: exec format error"),
    "log": ("image", "log-group", "CannotStartContainerError: Error response from daemon: failed to"
            " initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException:"
            " The specified log group does not exist.", None, ""),
    "disk": ("image", "disk-full", "CannotPullContainerError: write /x: no space left on device", None, ""),
    "unknown": ("image", "task-start", "Something new", None, ""),
    "script": ("worker", "script-changed", "Essential container in task exited", 1,
               "The script s3://b/script.py is not the one that setup found (SHA-256 1, expected 2)."),
    "settings": ("worker", "worker-settings", "Essential container in task exited", 2,
                 "The worker's environment is invalid:"),
    "rights": ("worker", "worker-denied", "Essential container in task exited", 1,
               "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"),
    "memory": ("worker", "memory-of-tasks", "OutOfMemoryError: Container killed due to memory usage", 137,
               ""),
    "fiji": ("worker", "fiji", "Essential container in task exited", 1,
             "FIJI did not start within 3.0 s (exit code 1): no Java."),
    "strange": ("worker", "worker-ends", "Essential container in task exited", 3, "Segmentation fault"),
}  # fmt: skip


def tasks_that_end(link: str, cause: str, reason: str, code: int | None, line: str) -> Planter:
    def plant(patient: Patient) -> None:
        joined(patient)
        for _ in range(3):
            die(patient, reason, code, line)

    return plant


for name, row in ENDS.items():
    PLANTED[f"task_{name}"] = (tasks_that_end(*row), row[0], row[1], row[4] or row[2])


@planted("worker", "worker-queue", "names OldQueue")
def workers_listen_elsewhere(patient: Patient) -> None:
    patient.run.submit(some_jobs(3))
    at_work(patient)

    def change(answer: Any) -> None:
        (container,) = answer["taskDefinition"]["containerDefinitions"]
        container["environment"] = [{"name": "SQS_QUEUE_URL", "value": "https://sqs/1/OldQueue"}]

    patient.control.document("DescribeTaskDefinition", change)


@planted("first-job", "first-jobs-fail", "no such image")
def first_jobs_fail(patient: Patient) -> None:
    jobs = some_jobs(3)
    patient.run.submit(jobs)
    at_work(patient)
    for job in jobs:
        patient.run.fail(job.job_id, 1, "no such image")


@planted("first-job", "worker-denied", "task role")
def workers_may_not_take_jobs(patient: Patient) -> None:
    idle(patient)
    say(patient, tasks_of(patient)[0], "no message could be received: AccessDenied: not authorized")


@planted("first-job", "no-job-taken", "have taken no job")
def workers_take_nothing(patient: Patient) -> None:
    idle(patient)


@planted("first-job", "no-job-taken", "have taken no job")
def workers_take_nothing_more(patient: Patient) -> None:
    """Let a job have been done a quarter of an hour ago, and none since."""
    (job,) = some_jobs(1, start=10)
    patient.run.submit([job], sent=False, at=time.time() - 30 * MINUTES)
    patient.run.finish(job.job_id)
    idle(patient)
    patient.data.answer("", lambda answer: older_manifests(answer, 15))


def joined(patient: Patient) -> list[str]:
    """Let all machines have joined an hour ago, with jobs in the queue; return their places."""
    patient.run.submit(some_jobs(3))
    patient.control.answer("DescribeInstances", older)
    return [patient.run.join(machine, tasks=0) for machine in patient.run.machines()]


def at_work(patient: Patient) -> World:
    """Let machines join, and each worker take a job if there is one."""
    world = World(patient.run, [1e6, 1e6], time.time())
    world.begin()
    return world


def idle(patient: Patient) -> None:
    """Let workers have listened for ten minutes, and take none of the jobs that wait."""
    at_work(patient)
    tasks = tasks_of(patient)
    patient.clients.ecs.update_task_protection(
        cluster=patient.run.record.cluster, tasks=tasks, protectionEnabled=False
    )
    patient.run.submit(some_jobs(3))
    patient.control.document("DescribeTasks", long_started)


def tasks_of(patient: Patient) -> list[str]:
    cluster = patient.run.record.cluster
    return list(patient.clients.ecs.list_tasks(cluster=cluster)["taskArns"])


def report(patient: Patient, task: str, status: str, **words: Any) -> None:
    patient.clients.ecs.submit_task_state_change(
        cluster=patient.run.record.cluster, task=task, status=status, **words
    )


def die(patient: Patient, reason: str, code: int | None, line: str) -> None:
    """Let a task end: before its container ran, or with a code and a line in its log."""
    record, ecs = patient.run.record, patient.clients.ecs
    places = ecs.list_container_instances(cluster=record.cluster)["containerInstanceArns"]
    (task,) = ecs.start_task(
        cluster=record.cluster, taskDefinition=record.task_family, containerInstances=places[:1]
    )["tasks"]
    if line:
        say(patient, task["taskArn"], line)
    name = task["containers"][0]["name"]
    if code is not None:
        report(patient, task["taskArn"], "RUNNING")
    ends: Any = {"containerName": name, "status": "STOPPED", **({} if code is None else {"exitCode": code})}
    report(patient, task["taskArn"], "STOPPED", reason=reason, containers=[ends])


def say(patient: Patient, task: str, line: str) -> None:
    """Write a line into a worker's log."""
    record, logs = patient.run.record, patient.clients.logs
    stream = f"{record.app_name}/{record.app_name}/{task.rpartition('/')[2]}"
    logs.create_log_stream(logGroupName=record.machine_log_group, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": line}
    logs.put_log_events(logGroupName=record.machine_log_group, logStreamName=stream, logEvents=[event])


def long_started(answer: Any) -> None:
    for task in answer["tasks"]:
        if task.get("startedAt"):
            task["startedAt"] -= 10 * MINUTES


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_cause_is_named_as_the_first_broken_link(patient: Patient, name: str) -> None:
    plant, link, cause, words = PLANTED[name]
    plant(patient)

    said, chain = patient.chain()

    broken = [one for one in chain if one["state"] == "broken"]
    assert [(one["link"], one["cause"]) for one in broken] == [(link, cause)], said.said
    assert said.code == 1
    (one,) = broken
    assert words in " ".join([one["found"], *one["evidence"], one["next"]])
    assert one["next"]
    place = chain.index(one)
    assert {before["state"] for before in chain[:place]} <= {"holds"}
    assert {after["state"] for after in chain[place + 1 :]} <= {"not reached"}


def test_twenty_causes_and_more_are_planted_on_each_kind_of_link() -> None:
    causes = {cause for _, _, cause, _ in PLANTED.values()}

    assert len(causes) >= 40
    assert len({link for _, link, _, _ in PLANTED.values()}) == 11


def a_run_at_work(patient: Patient) -> None:
    patient.run.submit(some_jobs(5))
    at_work(patient)


def a_run_half_done(patient: Patient) -> None:
    a_run_at_work(patient)
    patient.run.work_off()


def a_run_that_is_all_done(patient: Patient) -> None:
    patient.run.submit(some_jobs(2))
    patient.run.work_off(2)


def a_run_that_ended_well(patient: Patient) -> None:
    save_verdict(patient.clients.s3, patient.run.record, Verdict(End.ACCOUNTED.value, 3, 0, 0, 0))


def a_run_that_has_just_begun(patient: Patient) -> None:
    patient.began(1)
    patient.run.submit(some_jobs(3))
    patient.control.answer("DescribeInstances", no_machines)


def a_run_with_one_poor_zone(patient: Patient) -> None:
    """Let one of two machines be at work, and EC2 have no capacity for the other."""
    a_run_at_work(patient)
    patient.clients.ec2.modify_spot_fleet_request(
        SpotFleetRequestId=patient.run.record.fleet_id, TargetCapacity=3
    )
    poor = (
        "error",
        INVALID,
        "We currently do not have sufficient m5.large capacity in the Availability Zone",
    )
    wrong = ("error", INVALID, "Value () for parameter subnet is invalid")
    patient.control.plants["DescribeSpotFleetRequestHistory"] = fleet_events(poor, wrong)


WELL: dict[str, tuple[Planter, str]] = {
    "at work": (a_run_at_work, "Nothing is broken."),
    "half done": (a_run_half_done, "1 job done"),
    "all done": (a_run_that_is_all_done, "No job is left: 2 jobs done"),
    "over": (a_run_that_ended_well, "The run is over: every submitted job is done"),
    "young": (a_run_that_has_just_begun, "Nothing is broken so far. Not reached yet: capacity."),
    "poor zone": (a_run_with_one_poor_zone, "Nothing is broken."),
}


@pytest.mark.parametrize("name", WELL)
def test_nothing_is_named_about_a_run_that_is_well(patient: Patient, name: str) -> None:
    plant, words = WELL[name]
    plant(patient)

    said, (told, chain) = patient.doctor(), patient.chain()

    assert (said.code, told.code) == (0, 0), said.said
    assert not [one for one in chain if one["state"] in ("broken", "unknown")]
    assert words in said.out


def test_monitor_says_what_helps_and_names_doctor_when_nothing_runs(patient: Patient) -> None:
    PLANTED["service_memory"][0](patient)
    clients = Clients(EmulatedSession(patient.control.url, patient.data.url))

    result, screen = watch(patient.run, clients=clients, pace=20)

    said = " ".join(screen.text.split())
    assert result.exit_code == 3, said
    assert (
        f"no task has started to work. `python run.py doctor {patient.run.app}` finds the first thing" in said
    )
    assert "What helps: lower MEMORY or TASKS_PER_MACHINE" in said


def test_a_line_of_monitor_names_commands_as_it_was_called() -> None:
    screen = Screen()
    screen.terminal.options = " --local"

    View(screen.terminal.err, "App", named=screen.terminal.named).tell("`python run.py doctor App` finds it")

    assert "`python run.py --local doctor App` finds it" in screen.text


def test_a_line_for_each_link_then_the_cause_with_evidence_and_what_to_do(patient: Patient) -> None:
    user_data_names_another_cluster(patient)

    said = patient.doctor()

    lines = said.out.splitlines()
    marks = [line[0] for line in lines[:11]]
    assert marks == ["✓"] * 6 + ["✗"] + ["·"] * 4
    assert lines[12].startswith("Broken: joined (wrong-cluster). No machine has joined cluster")
    assert lines[13] == "  the machines' user data has ECS_CLUSTER=elsewhere"
    assert lines[14].startswith("  Next: leave out UserData in the fleet file; then `python run.py --config")
    assert f"cleanup {patient.run.app}` to end this run" in lines[14]


def test_a_run_that_another_computer_started_is_found_in_the_bucket(patient: Patient) -> None:
    a_run_at_work(patient)
    upload_record(patient.clients.s3, patient.run.record)
    patient.has_record = False

    said, chain = patient.chain()

    assert said.code == 0, said.said
    assert patient.run.record.fleet_id in chain[1]["found"]


#: Half of what doctor asks for: a user who may look at queue and bucket, and at neither machines nor tasks.
HALF = (
    "ec2:DescribeInstances",
    "ec2:DescribeSpotFleetRequests",
    "ec2:DescribeSpotFleetRequestHistory",
    "ecs:ListTasks",
    "ecs:ListContainerInstances",
    "ecs:DescribeServices",
)


def test_missing_permissions_are_named_and_what_can_be_seen_is_judged(patient: Patient) -> None:
    a_run_at_work(patient)
    patient.control.deny(*HALF)

    said, (told, chain) = patient.doctor(), patient.chain()

    assert (said.code, told.code) == (0, 0), said.said
    unseen = [one for one in chain if one["state"] == "unknown"]
    assert [one["link"] for one in unseen] == [
        "fleet", "capacity", "instances", "joined", "placed", "image", "worker",
    ]  # fmt: skip
    named = {words for one in unseen for words in one["evidence"]}
    assert all(any(action in words for words in named) for action in HALF if "History" not in action)
    assert chain[-1]["found"] == "2 messages taken, none done yet"


def test_whether_jobs_wait_for_a_retry_is_not_claimed_if_workers_cannot_be_asked(patient: Patient) -> None:
    all_jobs_wait_for_their_retry(patient)
    patient.control.deny("ecs:GetTaskProtection")

    _, chain = patient.chain()

    assert [one["cause"] for one in chain if one["state"] == "broken"] == ["first-jobs-fail"]


def test_without_any_permission_nothing_is_called_broken_and_nothing_well(patient: Patient) -> None:
    a_run_at_work(patient)
    patient.control.deny(*HALF)
    patient.data.deny("sqs:GetQueueUrl", "s3:GetObject")

    said, (told, chain) = patient.doctor(), patient.chain()

    assert (said.code, told.code) == (1, 1)
    assert {one["state"] for one in chain[1:]} == {"unknown"}
    assert "No link is known to be broken, but some could not be seen" in said.out
    assert "permission sqs:GetQueueUrl is missing" in said.out


def test_a_cause_is_named_although_its_reason_may_not_be_read(patient: Patient) -> None:
    no_machine_and_no_reason(patient)
    patient.control.deny("ec2:DescribeSpotFleetRequestHistory")

    _, chain = patient.chain()

    (one,) = [one for one in chain if one["state"] == "broken"]
    assert (one["link"], one["cause"]) == ("capacity", "no-machine")
    assert "permission ec2:DescribeSpotFleetRequestHistory is missing" in one["evidence"][0]


def test_a_cluster_with_tasks_without_end_takes_few_calls(patient: Patient) -> None:
    a_run_at_work(patient)

    def more(answer: Any) -> None:
        name = f"arn:aws:ecs:{REGION}:123456789012:task/c/"
        answer["taskArns"] = [f"{name}{number:032}" for number in range(100)]
        answer["nextToken"] = str(patient.control.calls["ListTasks"])

    patient.control.document("ListTasks", more)

    assert patient.doctor().code in (0, 1)
    assert patient.control.calls["ListTasks"] <= 22


def test_nothing_is_changed_and_no_message_is_received(patient: Patient) -> None:
    the_rest_was_given_up(patient)

    patient.doctor()

    calls = patient.control.calls + patient.data.calls
    assert calls["GetQueueAttributes"]
    assert not [name for name in calls if name and not name.startswith(("Describe", "List", "Get", "Filter"))]
