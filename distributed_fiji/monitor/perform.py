"""Carry out one action that the monitor decided on. Each is safe to repeat, and safe beside
another monitor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.cluster import read_desired
from distributed_fiji.aws.documents import stuck_alarm
from distributed_fiji.aws.fleet import read_fleet
from distributed_fiji.aws.machines import terminate
from distributed_fiji.aws.telemetry import remove_alarms
from distributed_fiji.monitor.actions import (
    Action,
    AddAlarm,
    DeleteAlarms,
    EndMachine,
    LowerService,
    LowerTarget,
)
from distributed_fiji.state.record import Run

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import ContainerInstanceStatusType


def perform(action: Action, run: Run, clients: Clients) -> str | None:
    """Carry out an action; return a sentence for the user, or None if there was nothing to do or
    to report.
    """
    match action:
        case LowerTarget(capacity):
            return lower_target(clients.ec2, run.fleet_id, capacity)
        case LowerService(desired):
            return lower_service(clients.ecs, run, desired)
        case EndMachine(machine, why):
            return end_machine(clients, run, machine.instance_id, machine.container_instance, why)
        case AddAlarm(instance_id, processors):
            alarm = stuck_alarm(run.app_name, instance_id, run.region, processors)
            clients.cloudwatch.put_metric_alarm(**alarm)
        case DeleteAlarms(instance_ids):
            remove_alarms(clients.cloudwatch, run.app_name, instance_ids)
    return None


def lower_target(ec2: EC2Client, fleet_id: str, capacity: int) -> str | None:
    """Lower the fleet's target capacity without ending machines.

    The target is read again first, because another monitor may have lowered it further.
    """
    fleet = read_fleet(ec2, fleet_id)
    if fleet.target <= capacity or not fleet.modifiable:
        return None
    ec2.modify_spot_fleet_request(
        SpotFleetRequestId=fleet_id,
        TargetCapacity=capacity,
        ExcessCapacityTerminationPolicy="noTermination",
    )
    return f"the fleet's target is now {capacity}; machines lost above it are not replaced"


def lower_service(ecs: ECSClient, run: Run, desired: int) -> str | None:
    """Lower the number of tasks that the service wants; ECS spares tasks that have protected themselves."""
    current = read_desired(ecs, run.cluster, run.service)
    if current is None or current <= desired:
        return None
    ecs.update_service(cluster=run.cluster, service=run.service, desiredCount=desired)
    return f"the service is set to {desired} task{'s' if desired > 1 else ''}"


def end_machine(clients: Clients, run: Run, instance_id: str, place: str, why: str) -> str | None:
    """Terminate a machine that has no task.

    It is set to draining first, so that ECS places nothing on it, and then checked once more: ECS stops the
    tasks of a draining machine (ECS developer guide, "Container instance draining"), so a machine that was
    given a task in the meantime is left alone.
    """
    if place and not _drained(clients.ecs, run.cluster, place):
        return None
    return f"machine {instance_id} ended: {why}" if terminate(clients.ec2, [instance_id]) else None


def _drained(ecs: ECSClient, cluster: str, place: str) -> bool:
    def set_state(status: ContainerInstanceStatusType) -> None:
        ecs.update_container_instances_state(cluster=cluster, containerInstances=[place], status=status)

    def is_busy() -> bool:
        found = ecs.describe_container_instances(cluster=cluster, containerInstances=[place])
        return any(
            item["runningTasksCount"] + item["pendingTasksCount"] for item in found["containerInstances"]
        )

    if is_busy():
        return False
    set_state("DRAINING")
    busy = is_busy()
    if busy:
        set_state("ACTIVE")
    return not busy
