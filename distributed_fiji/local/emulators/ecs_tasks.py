"""What moto's ECS lacks for tasks: states as the agent reports them, protection, listing.

Follows the ECS API reference (SubmitTaskStateChange, StopTask, ListTasks, UpdateTaskProtection,
GetTaskProtection) and "Amazon ECS task lifecycle" in the developer guide.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task
from moto.ecs.responses import EC2ContainerServiceResponse

from distributed_fiji.local.emulators.patching import add
from distributed_fiji.local.machines.scheduling import DRAINING, SCHEDULER

#: ECS shows stopped tasks for at least an hour (API reference, DescribeTasks).
STOPPED_TASKS_KEPT = timedelta(hours=1)

DEFAULT_PROTECTION_MINUTES = 120
MOST_PROTECTION_MINUTES = 2880

#: A decision of the service's scheduler that rests on an older look must not end a task protected since.
protecting = threading.Lock()


def install() -> None:
    """Add these calls to moto's ECS."""
    original = Task.__init__

    def initialize(task: Task, *args: Any, **kwargs: Any) -> None:
        original(task, *args, **kwargs)
        prepare(task)

    add(Task, "__init__", initialize)
    add(Task, "last_status", property(_last_status, _set_last_status))
    for call in (
        submit_task_state_change,
        stop_task,
        list_tasks,
        update_task_protection,
        get_task_protection,
    ):
        add(EC2ContainerServiceResponse, call.__name__, call)


def prepare(task: Any) -> None:
    """Make a new task PENDING; it is RUNNING when its machine says so."""
    task.state = "PENDING"
    task.created_at = _now()
    task.started_at = task.stopping_at = task.stopped_at = task.stop_code = None
    task.protected_until = None
    task.stopped_reason = None
    task.cpu = str(task.resource_requirements["CPU"])
    task.memory = str(task.resource_requirements["MEMORY"])
    for container in task.containers:
        container.exitCode = container.reason = None
        container.task_arn = task.task_arn


def _last_status(task: Any) -> str:
    """Return the reported status. Moto's own status advances whenever somebody looks."""
    state: str = task.state
    return state


def _set_last_status(task: Any, status: str) -> None:
    task.state = status


def submit_task_state_change(response: Any) -> ActionResult:
    """Record what the agent reports about a task: RUNNING, or STOPPED with exit codes and reasons."""
    backend = response.ecs_backend
    task = find_task(backend, response._get_param("task"))
    status = response._get_param("status")
    if status == "RUNNING" and task.state == "PENDING":
        task.state, task.started_at = "RUNNING", _now()
    if status == "STOPPED" and task.state != "STOPPED":
        _stopped(backend, task, response._get_param("reason"))
    for change in response._get_param("containers", []):
        container = next(item for item in task.containers if item.name == change["containerName"])
        container.exitCode, container.reason = change.get("exitCode"), change.get("reason")
    for container in task.containers:
        container.last_status = task.state
    return ActionResult({"acknowledgment": "ACK"})


def _stopped(backend: Any, task: Any, reason: str | None) -> None:
    task.state = task.desired_status = "STOPPED"
    task.stopped_at = _now()
    task.stopped_reason = task.stopped_reason or reason or "Essential container in task exited"
    task.stop_code = task.stop_code or "EssentialContainerExited"
    machines = backend.container_instances.get(task.cluster_name, {})
    machine = machines.get((task.container_instance_arn or "").split("/")[-1])
    if machine is not None:
        backend.update_container_instance_resources(machine, task.resource_requirements, removing=True)
    forget_stopped_tasks(backend.tasks[task.cluster_name], _now())


def forget_stopped_tasks(tasks: dict[str, Any], now: datetime) -> None:
    """Drop tasks that stopped long ago, as ECS does, so that memory does not grow during a long run."""
    old = [
        arn for arn, task in tasks.items() if task.stopped_at and now - task.stopped_at > STOPPED_TASKS_KEPT
    ]
    for arn in old:
        del tasks[arn]


def stop_task(response: Any) -> ActionResult:
    """Request the end of a task: its machine sends SIGTERM, and reports when it has stopped.

    A task that no machine has started yet stops at once.
    """
    task = find_task(response.ecs_backend, response._get_param("task"))
    reason = response._get_param("reason") or "Task stopped by user"
    with protecting:
        scale_in = reason.startswith(SCHEDULER) and reason != DRAINING
        spared = scale_in and _protected_until(task)
        if task.desired_status != "STOPPED" and not spared:
            _stop(response.ecs_backend, task, reason)
    return ActionResult({"task": task})


def _stop(backend: Any, task: Any, reason: str) -> None:
    task.desired_status, task.stopping_at, task.stopped_reason = "STOPPED", _now(), reason
    by_service = reason.startswith(SCHEDULER)
    task.stop_code = "ServiceSchedulerInitiated" if by_service else "UserInitiated"
    if task.state == "PENDING":
        _stopped(backend, task, None)


def list_tasks(response: Any) -> ActionResult:
    """List tasks: those whose desired status is RUNNING, unless others are requested."""
    service = response._get_param("serviceName")
    found = response.ecs_backend.list_tasks(
        response._get_param("cluster", "default"),
        response._get_param("containerInstance"),
        response._get_param("family"),
        response._get_param("startedBy"),
        service,
        response._get_param("desiredStatus", "RUNNING"),
    )
    group = f"service:{service.split('/')[-1]}" if service else None
    return ActionResult({"taskArns": [task.task_arn for task in found if group in {None, task.group}]})


def update_task_protection(response: Any) -> ActionResult:
    """Protect tasks of a service from scale-in for some minutes, or end their protection."""
    enabled = response._get_param("protectionEnabled")
    minutes = response._get_param("expiresInMinutes", DEFAULT_PROTECTION_MINUTES)
    if enabled and not 1 <= minutes <= MOST_PROTECTION_MINUTES:
        raise InvalidParameterException(
            f"expiresInMinutes must be between 1 and {MOST_PROTECTION_MINUTES}, inclusive."
        )
    until = _now() + timedelta(minutes=minutes) if enabled else None
    with protecting:
        tasks, failures = _protectable(response)
        for task in tasks:
            task.protected_until = until
    return _protection(tasks, failures)


def get_task_protection(response: Any) -> ActionResult:
    """Return which tasks are protected, among those named or in the whole cluster."""
    return _protection(*_protectable(response))


def _protectable(response: Any) -> tuple[list[Any], list[dict[str, str]]]:
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    known = {task.id: task for task in response.ecs_backend.tasks.get(cluster.name, {}).values()}
    tasks, failures = [], []
    for name in response._get_param("tasks", None) or list(known):
        task = known.get(name.split("/")[-1])
        if task is None or task.state == "STOPPED":
            failures.append({"arn": name, "reason": "MISSING"})
        # The API reference says this of standalone tasks. No source was found for PENDING ones; this is the
        # worse answer, which the monitor must handle.
        elif (
            task.state == "PENDING"
            or not task.group.startswith("service:")
            or task.desired_status == "STOPPED"
        ):
            failures.append({"arn": name, "reason": "TASK_NOT_VALID"})
        else:
            tasks.append(task)
    return tasks, failures


def _protection(tasks: list[Any], failures: list[dict[str, str]]) -> ActionResult:
    protected = []
    for task in tasks:
        until = _protected_until(task)
        entry = {"taskArn": task.task_arn, "protectionEnabled": until is not None}
        protected.append(entry | ({"expirationDate": until} if until else {}))
    return ActionResult({"protectedTasks": protected, "failures": failures})


def _protected_until(task: Any) -> datetime | None:
    until = task.protected_until
    return until if until and until > _now() else None


def find_task(backend: EC2ContainerServiceBackend, name: str) -> Any:
    """Return a task by id or ARN. Raises InvalidParameterException, as ECS does, if it does not exist."""
    wanted = name.split("/")[-1]
    for tasks in backend.tasks.values():
        for task in tasks.values():
            if task.id == wanted:
                return task
    raise InvalidParameterException("The referenced task was not found.")


def _now() -> datetime:
    return datetime.now(timezone.utc)
