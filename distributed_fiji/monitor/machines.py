"""The machines of a run, as EC2 and ECS know them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.cluster import TASKS_DEADLINE
from distributed_fiji.aws.machines import THERE, fleet_instances
from distributed_fiji.aws.tasks import read_container_instances, read_tasks, stop_task
from distributed_fiji.clock import Clock
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.state.record import Run

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient

#: How EC2 says when an instance ended, in StateTransitionReason.
ENDED_AT = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")

#: Tasks that are stopped at the same time: ECS takes some tens of such calls a second (ECS developer guide,
#: "Request throttling").
STOPPED_AT_ONCE = 4


def read_machines(ec2: EC2Client, run: Run) -> tuple[Machine, ...]:
    """Return the instances of the run's fleet, including ended ones, without their place in the cluster."""
    machines = [
        Machine(
            instance_id=instance["InstanceId"],
            state=instance["State"]["Name"],
            launched=instance["LaunchTime"].timestamp(),
            kind=instance["InstanceType"],
            zone=instance["Placement"]["AvailabilityZone"],
            gone_since=_ended_at(instance.get("StateTransitionReason", "")),
            processors=_processors(instance.get("CpuOptions", {})),
            why_ended=instance.get("StateReason", {}).get("Message", ""),
            subnet=instance.get("SubnetId", ""),
            profile=instance.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2],
            public=bool(instance.get("PublicIpAddress")),
        )
        for instance in fleet_instances(
            ec2, run.app_name, run.fleet_id, (*THERE, "shutting-down", "terminated")
        )
    ]
    return tuple(sorted(machines, key=lambda machine: machine.launched))


def _processors(options: dict[str, int]) -> int:
    return options.get("CoreCount", 0) * options.get("ThreadsPerCore", 0)


def placed(ecs: ECSClient, cluster: str, machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """Return the machines with their place in the cluster and their number of tasks."""
    return placed_in(read_container_instances(ecs, cluster), machines)


def placed_in(joined: Mapping[str, Mapping[str, Any]], machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """Return the machines with their place among a cluster's container instances."""

    def place(machine: Machine) -> Machine:
        found = joined.get(machine.instance_id, {})
        return replace(
            machine,
            container_instance=found.get("containerInstanceArn", ""),
            tasks=found.get("runningTasksCount", 0) + found.get("pendingTasksCount", 0),
        )

    return tuple(place(machine) for machine in machines)


def _ended_at(reason: str) -> float | None:
    """Return when an instance ended (seconds since 1970), or None if the reason does not say."""
    found = ENDED_AT.search(reason)
    if found is None:
        return None
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()


def give_jobs_back(clients: Clients, run: Run, clock: Clock) -> str | None:
    """Stop the tasks on the fleet's machines, and wait until their workers have returned their jobs to the
    queue.

    Tasks on another fleet's machines continue. StopTask also ends a task that has protected itself:
    protection only applies to scale-in and deployments (ECS developer guide, "Task scale-in protection").
    After TASKS_DEADLINE nothing more is stopped: what is at work then ends with its machine, and its job
    comes back when its message is visible again.
    """
    machines = placed(clients.ecs, run.cluster, read_machines(clients.ec2, run))
    places = {machine.container_instance for machine in machines} - {""}
    begun, asked = clock.now(), set[str]()

    def is_late() -> bool:
        return clock.now() - begun >= TASKS_DEADLINE

    def stop(task: str) -> str | None:
        if is_late():
            return None
        stop_task(clients.ecs, run.cluster, task)
        return task

    while True:
        there = read_tasks(clients.ecs, run.cluster, run.task_family, stopping=True)
        tasks = [task for task in there if task.container_instance in places]
        with ThreadPoolExecutor(STOPPED_AT_ONCE) as pool:
            asked.update(filter(None, pool.map(stop, [t.arn for t in tasks if t.arn not in asked])))
        if not tasks or is_late():
            break
        clock.sleep(2)
    if not asked:
        return None
    return f"{len(asked)} task{'s' if len(asked) > 1 else ''} stopped; their jobs return to the queue"
