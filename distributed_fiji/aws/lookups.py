"""Look things up in AWS, one at a time, by exact name, id or tag. Nothing here changes anything.

What is not there is None, empty or '' and no error: everything of a run may be gone at any time.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code, pages
from distributed_fiji.monitor.snapshot import Machine, Task, TaskEnd
from distributed_fiji.state.runfacts import RunFacts
from worker.contract.jobs import APP_TAG, RUN_TAG

#: Items in one DescribeTasks, DescribeContainerInstances or GetTaskProtection (ECS API reference).
ECS_BATCH = 100

#: Errors with which ECS says that the cluster, and so everything in it, is not there.
NO_CLUSTER = ("ClusterNotFoundException", "InvalidParameterException")

#: Errors with which ECS says that a service is not there, or not any more.
ENDED_SERVICE = (*NO_CLUSTER, "ServiceNotFoundException", "ServiceNotActiveException")

#: States of a spot fleet that still costs or can start machines (EC2 API reference, BatchState).
LIVE_FLEET = ("submitted", "active", "modifying", "cancelled_running")

#: States of an instance that is there; shutting down is no longer billed (EC2 user guide).
THERE = ("pending", "running", "stopping", "stopped")

#: How EC2 says when an instance ended, in StateTransitionReason.
ENDED_AT = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")


def queue_attributes(sqs: Any, name: str) -> dict[str, str] | None:
    """Return a queue's attributes and its QueueUrl, or None where there is no such queue."""
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] | {
            "QueueUrl": url
        }
    except sqs.exceptions.QueueDoesNotExist:
        return None


class FleetView(NamedTuple):
    """A spot fleet's state, '' where there is none, its target capacity, and whether that can be changed:
    of a fleet of type `request` it cannot (EC2 API reference, ModifySpotFleetRequest).
    """

    state: str = ""
    target: int = 0
    modifiable: bool = False


def read_fleet(ec2: Any, fleet_id: str) -> FleetView:
    """Return what EC2 says of a spot fleet."""
    if not fleet_id:
        return FleetView()
    try:
        found = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet_id])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error_code(error) == "InvalidSpotFleetRequestId.NotFound":
            return FleetView()
        raise
    if not found:
        return FleetView()
    wanted = found[0]["SpotFleetRequestConfig"]
    modifiable = wanted.get("Type", "maintain") == "maintain"
    return FleetView(found[0]["SpotFleetRequestState"], wanted["TargetCapacity"], modifiable)


def read_machines(ec2: Any, run: RunFacts) -> tuple[Machine, ...]:
    """Return the instances of the run's fleet, ended ones too, without their place in the cluster."""
    machines = [
        Machine(
            instance_id=instance["InstanceId"],
            state=instance["State"]["Name"],
            launched=instance["LaunchTime"].timestamp(),
            kind=instance["InstanceType"],
            zone=instance["Placement"]["AvailabilityZone"],
            gone_since=_ended_at(instance.get("StateTransitionReason", "")),
            processors=_processors(instance.get("CpuOptions", {})),
        )
        for instance in fleet_instances(ec2, run, (*THERE, "shutting-down", "terminated"))
    ]
    return tuple(sorted(machines, key=lambda machine: machine.launched))


def _processors(options: dict[str, int]) -> int:
    return options.get("CoreCount", 0) * options.get("ThreadsPerCore", 0)


def placed(ecs: Any, cluster: str, machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """Return machines with their place in the cluster and the number of their tasks."""
    joined = read_container_instances(ecs, cluster)

    def place(machine: Machine) -> Machine:
        found = joined.get(machine.instance_id, {})
        return replace(
            machine,
            container_instance=found.get("containerInstanceArn", ""),
            tasks=found.get("runningTasksCount", 0) + found.get("pendingTasksCount", 0),
        )

    return tuple(place(machine) for machine in machines)


def _ended_at(reason: str) -> float | None:
    """Return when an instance ended (seconds since 1970), or None where the reason does not say it."""
    found = ENDED_AT.search(reason)
    if found is None:
        return None
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()


def fleet_instances(ec2: Any, run: RunFacts, states: tuple[str, ...] = THERE) -> list[dict[str, Any]]:
    """Return the instances of the run's fleet in some states: those that are there, unless told otherwise.

    EC2 tags what a spot fleet starts with aws:ec2spot:fleet-request-id (EC2 user guide).
    """
    found = []
    for instance in app_instances(ec2, run.app_name, states):
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        if tags.get("aws:ec2spot:fleet-request-id", run.fleet_id) == run.fleet_id:
            found.append(instance)
    return found


def app_instances(ec2: Any, app_name: str, states: tuple[str, ...] = THERE) -> list[dict[str, Any]]:
    """Return the app's instances in some states, by tag: those that are there, unless told otherwise."""
    filters = [
        {"Name": f"tag:{APP_TAG}", "Values": [app_name]},
        {"Name": "instance-state-name", "Values": list(states)},
    ]
    reservations = pages(ec2, "describe_instances", "Reservations", Filters=filters)
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def find_fleet(ec2: Any, app_name: str, client_token: str) -> str:
    """Return the id of the app's fleet that was asked for with a ClientToken; '' where there is none.

    The request's own tag names the run too: whether EC2 shows the token is documented nowhere.
    """
    for fleet in pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        tags = {tag["Key"]: tag["Value"] for tag in fleet.get("Tags", [])}
        tokens = (tags.get(RUN_TAG), fleet["SpotFleetRequestConfig"].get("ClientToken"))
        if tags.get(APP_TAG) == app_name and client_token in tokens:
            return fleet["SpotFleetRequestId"]
    return ""


def live_fleets(ec2: Any, app_name: str) -> list[str]:
    """Return the ids of the app's spot fleets that start or keep machines, by tag."""
    found = []
    for fleet in pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        tags = {tag["Key"]: tag["Value"] for tag in fleet.get("Tags", [])}
        if tags.get(APP_TAG) == app_name and fleet["SpotFleetRequestState"] in LIVE_FLEET:
            found.append(fleet["SpotFleetRequestId"])
    return found


def read_container_instances(ecs: Any, cluster: str) -> dict[str, dict[str, Any]]:
    """Return the cluster's container instances by their EC2 instance id."""
    found = {}
    for batch in _ecs_batches(ecs, "list_container_instances", "containerInstanceArns", cluster=cluster):
        described = ecs.describe_container_instances(cluster=cluster, containerInstances=batch)
        found.update({item["ec2InstanceId"]: item for item in described["containerInstances"]})
    return found


def read_tasks(ecs: Any, cluster: str, family: str, *, stopping: bool = False) -> tuple[Task, ...]:
    """Return the tasks of a family that are meant to run; with `stopping` those too whose end is awaited.

    A task leaves the plain list as soon as it is told to stop, while its container still has its time-out
    (ECS API reference, ListTasks: desiredStatus is RUNNING by default).
    """
    tasks: list[Task] = []
    for desired in ("RUNNING", "STOPPED") if stopping else ("RUNNING",):
        arguments = {"cluster": cluster, "family": family, "desiredStatus": desired}
        for batch in _ecs_batches(ecs, "list_tasks", "taskArns", **arguments):
            tasks += [
                Task(
                    task["taskArn"],
                    task.get("containerInstanceArn", ""),
                    task["lastStatus"],
                    started=task["startedAt"].timestamp() if task.get("startedAt") else None,
                )
                for task in ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]
                if task["lastStatus"] != "STOPPED"
            ]
    return tuple(tasks)


def read_protection(ecs: Any, cluster: str, arns: list[str]) -> dict[str, bool]:
    """Return whether tasks are protected against scale-in, by ARN: a worker does so while it holds a job."""
    found: dict[str, bool] = {}
    for start in range(0, len(arns), ECS_BATCH):
        answer = ecs.get_task_protection(cluster=cluster, tasks=arns[start : start + ECS_BATCH])
        found.update((item["taskArn"], item["protectionEnabled"]) for item in answer["protectedTasks"])
    return found


def read_ends(ecs: Any, run: RunFacts) -> tuple[TaskEnd, ...]:
    """Return how tasks of a run ended, the latest first; ECS forgets them after an hour or more."""
    found = []
    arguments = {"cluster": run.cluster, "family": run.task_family, "desiredStatus": "STOPPED"}
    for batch in _ecs_batches(ecs, "list_tasks", "taskArns", **arguments):
        for task in ecs.describe_tasks(cluster=run.cluster, tasks=batch)["tasks"]:
            stopped = task["stoppedAt"].timestamp() if task.get("stoppedAt") else 0.0
            if task["lastStatus"] == "STOPPED" and stopped >= run.started:
                found.append((stopped, task))
    found.sort(key=lambda item: item[0], reverse=True)
    return tuple(_end(task, stopped, run) for stopped, task in found)


def _end(task: dict[str, Any], stopped: float, run: RunFacts) -> TaskEnd:
    task_id = task["taskArn"].rpartition("/")[2]
    container: dict[str, Any] = next(iter(task.get("containers", [])), {})
    name = container.get("name", "")
    return TaskEnd(
        task_id=task_id,
        code=task.get("stopCode") or "",
        reason=task.get("stoppedReason") or "",
        exit_code=container.get("exitCode"),
        container_reason=container.get("reason") or "",
        lived=stopped - task["startedAt"].timestamp() if task.get("startedAt") else None,
        # PREFIX/CONTAINER/TASK (ECS developer guide, "awslogs" log driver); the prefix is the app's name.
        stream=f"{run.app_name}/{name}/{task_id}",
    )


def read_service(ecs: Any, run: RunFacts) -> tuple[int | None, tuple[str, ...]]:
    """Return how many tasks a run's service wants, and its events since the run's start, the latest first.

    (None, ()) where there is no active service.
    """
    found = find_service(ecs, run.cluster, run.service)
    if found is None:
        return None, ()
    events = [
        event["message"] for event in found.get("events", []) if event["createdAt"].timestamp() >= run.started
    ]
    return found["desiredCount"], tuple(events)


def read_desired(ecs: Any, cluster: str, service: str) -> int | None:
    """Return how many tasks the service wants, or None where there is no active service."""
    found = find_service(ecs, cluster, service)
    return found["desiredCount"] if found else None


def find_service(ecs: Any, cluster: str, service: str) -> dict[str, Any] | None:
    """Return an active service, or None."""
    try:
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    except ClientError as error:
        if error_code(error) in NO_CLUSTER:
            return None
        raise
    return next((item for item in found if item["status"] == "ACTIVE"), None)


def _ecs_batches(ecs: Any, operation: str, key: str, **arguments: Any) -> list[list[str]]:
    """Return ARNs in batches that ECS takes; none where there is no such cluster."""
    try:
        arns = list(pages(ecs, operation, key, **arguments))
    except ClientError as error:
        if error_code(error) in NO_CLUSTER:
            return []
        raise
    return [arns[start : start + ECS_BATCH] for start in range(0, len(arns), ECS_BATCH)]


def read_alarms(cloudwatch: Any, app_name: str) -> frozenset[str]:
    """Return the ids of the instances that have an alarm of this app, by the alarm's exact name."""
    name = re.compile(rf"{re.escape(app_name)}-stuck-(i-[0-9a-f]+)")
    found = pages(cloudwatch, "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{app_name}-stuck-")
    matches = [name.fullmatch(alarm["AlarmName"]) for alarm in found]
    return frozenset(match[1] for match in matches if match)
