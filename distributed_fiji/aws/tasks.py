"""A cluster's tasks and container instances: read them, stop tasks, and see whether workers protect them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import AwsError, error_code, error_text, pages

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import ContainerInstanceStatusType


@dataclass(frozen=True)
class Task:
    """A task of the run. `at_work`: whether its worker protects it from scale-in; None if unknown.

    `started`: when its container started, None before that. `created`: when ECS placed it.
    """

    arn: str
    container_instance: str
    status: str
    at_work: bool | None = None
    started: float | None = None
    created: float | None = None


@dataclass(frozen=True)
class TaskEnd:
    """How a task ended. `lived`: seconds since its start, None if it never started.

    `code`, `reason`: ECS's stopCode and stoppedReason. `exit_code`, `container_reason`: its container's.
    `stream`: the stream of the workers' log with its lines.
    """

    task_id: str
    code: str
    reason: str
    exit_code: int | None = None
    container_reason: str = ""
    lived: float | None = None
    stream: str = ""


#: Items per DescribeTasks, DescribeContainerInstances or GetTaskProtection (ECS API reference).
ECS_BATCH = 100


#: Container instances per UpdateContainerInstancesState (ECS API reference).
STATE_BATCH = 10

#: ECS's errors if one of the items of a call is wrong, and its word for a container instance that it does not
#: know (ECS developer guide, "API failure reasons").
REFUSED_FOR_ONE, GONE = ("InvalidParameterException", "ClientException"), "MISSING"

#: ECS's errors if the cluster, and so everything in it, does not exist.
NO_CLUSTER = ("ClusterNotFoundException", "InvalidParameterException")


def read_container_instances(
    ecs: ECSClient, cluster: str, most: int | None = None
) -> Mapping[str, Mapping[str, Any]]:
    """Return the cluster's container instances, at most so many, by their EC2 instance id."""
    found = {}
    arguments = {"cluster": cluster}
    for batch in _ecs_batches(ecs, "list_container_instances", "containerInstanceArns", most, **arguments):
        described = ecs.describe_container_instances(cluster=cluster, containerInstances=batch)
        found.update({item["ec2InstanceId"]: item for item in described["containerInstances"]})
    return found


def find_idle(ecs: ECSClient, cluster: str, places: Collection[str]) -> list[str]:
    """Return those of at most 100 container instances that ECS knows, and that have no task."""
    if not places:
        return []
    found = ecs.describe_container_instances(cluster=cluster, containerInstances=sorted(places))
    return [
        item["containerInstanceArn"]
        for item in found["containerInstances"]
        if not item["runningTasksCount"] + item["pendingTasksCount"]
    ]


def set_state(
    ecs: ECSClient,
    cluster: str,
    places: Sequence[str],
    status: ContainerInstanceStatusType,
    at_once: int = STATE_BATCH,
) -> tuple[list[str], set[str]]:
    """Set the state of container instances; return those for which ECS did, and why not for the others.

    ECS names in `failures` those that it does not know, and refuses a call with one that is not active yet
    (ECS API reference, UpdateContainerInstancesState); the others of that call are then set one by one.
    """
    done, reasons = list[str](), set[str]()
    for start in range(0, len(places), at_once):
        batch = list(places[start : start + at_once])
        try:
            answer = ecs.update_container_instances_state(
                cluster=cluster, containerInstances=batch, status=status
            )
            done += [item["containerInstanceArn"] for item in answer["containerInstances"]]
            reasons |= {item.get("reason", "") for item in answer["failures"]}
        except AwsError as error:
            if len(batch) == 1 or error_code(error) not in REFUSED_FOR_ONE:
                reasons.add(error_text(error))
                continue
            singly, why_not = set_state(ecs, cluster, batch, status, at_once=1)
            done, reasons = done + singly, reasons | why_not
    return done, reasons


def read_tasks(
    ecs: ECSClient, cluster: str, family: str, *, stopping: bool = False, most: int | None = None
) -> tuple[Task, ...]:
    """Return a family's tasks that are meant to run. `stopping`: include those that are still ending.
    `most`: how many are read, of each kind.

    A task leaves the plain list as soon as it is told to stop, while its container still has its time-out
    (ECS API reference, ListTasks: desiredStatus is RUNNING by default).
    """
    tasks: list[Task] = []
    for desired in ("RUNNING", "STOPPED") if stopping else ("RUNNING",):
        arguments = {"cluster": cluster, "family": family, "desiredStatus": desired}
        for batch in _ecs_batches(ecs, "list_tasks", "taskArns", most, **arguments):
            tasks += [
                Task(
                    task["taskArn"],
                    task.get("containerInstanceArn", ""),
                    task["lastStatus"],
                    started=task["startedAt"].timestamp() if task.get("startedAt") else None,
                    created=task["createdAt"].timestamp() if task.get("createdAt") else None,
                )
                for task in ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]
                if task["lastStatus"] != "STOPPED"
            ]
    return tuple(tasks)


def read_protection(ecs: ECSClient, cluster: str, arns: list[str]) -> dict[str, bool]:
    """Return whether tasks are protected from scale-in, by ARN.

    A worker protects its task while it holds a job.
    """
    found: dict[str, bool] = {}
    for start in range(0, len(arns), ECS_BATCH):
        answer = ecs.get_task_protection(cluster=cluster, tasks=arns[start : start + ECS_BATCH])
        found.update((item["taskArn"], item["protectionEnabled"]) for item in answer["protectedTasks"])
    return found


def read_ends(
    ecs: ECSClient, cluster: str, family: str, app_name: str, since: float, most: int | None = None
) -> tuple[TaskEnd, ...]:
    """Return how an app's tasks of a family ended since a time (seconds since 1970), latest first.

    ECS forgets them after an hour or more. `most`: how many are read; ECS does not say in which order.
    """
    found = []
    arguments = {"cluster": cluster, "family": family, "desiredStatus": "STOPPED"}
    for batch in _ecs_batches(ecs, "list_tasks", "taskArns", most, **arguments):
        for task in ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]:
            stopped = task["stoppedAt"].timestamp() if task.get("stoppedAt") else 0.0
            if task["lastStatus"] == "STOPPED" and stopped >= since:
                found.append((stopped, task))
    found.sort(key=lambda item: item[0], reverse=True)
    return tuple(_end(task, stopped, app_name) for stopped, task in found)


def _end(task: Mapping[str, Any], stopped: float, app_name: str) -> TaskEnd:
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
        stream=f"{app_name}/{name}/{task_id}",
    )


def _ecs_batches(
    ecs: ECSClient, operation: str, key: str, most: int | None = None, **arguments: Any
) -> list[list[str]]:
    """Return ARNs, at most so many, in batches that ECS accepts; none if there is no such cluster."""
    try:
        arns = list(islice(pages(ecs, operation, key, **arguments), most))
    except ClientError as error:
        if error_code(error) in NO_CLUSTER:
            return []
        raise
    return [arns[start : start + ECS_BATCH] for start in range(0, len(arns), ECS_BATCH)]


def stop_task(ecs: ECSClient, cluster: str, task: str) -> str | None:
    """Stop a task; its worker returns its job."""
    ecs.stop_task(cluster=cluster, task=task, reason="taken down")
    return f"task {task.rpartition('/')[2]} stopped"


def stop_tasks(ecs: ECSClient, cluster: str, family: str) -> str | None:
    """Stop the remaining tasks of a family."""
    tasks = read_tasks(ecs, cluster, family)
    for task in tasks:
        stop_task(ecs, cluster, task.arn)
    return f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} stopped" if tasks else None
