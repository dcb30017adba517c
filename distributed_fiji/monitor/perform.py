"""Carry out one action that the monitor decided on. Each is safe to repeat, and safe beside
another monitor.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.cluster import read_desired
from distributed_fiji.aws.fleet import read_fleet
from distributed_fiji.aws.machines import terminate
from distributed_fiji.aws.tasks import GONE, find_idle, set_state
from distributed_fiji.aws.telemetry import put_stuck_alarm, remove_alarms
from distributed_fiji.monitor.actions import (
    Action,
    AddAlarm,
    DeleteAlarms,
    EndMachines,
    LowerService,
    LowerTarget,
)
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.state.record import Run

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient


def perform(action: Action, run: Run, clients: Clients) -> str | None:
    """Carry out an action; return a sentence for the user, or None if there was nothing to do or
    to report.
    """
    match action:
        case LowerTarget(capacity):
            return lower_target(clients.ec2, run.fleet_id, capacity)
        case LowerService(desired):
            return lower_service(clients.ecs, run, desired)
        case EndMachines(machines, why):
            return end_machines(clients, run, machines, why)
        case AddAlarm(instance_id, processors):
            put_stuck_alarm(clients.cloudwatch, run.app_name, instance_id, run.region, processors)
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


def end_machines(clients: Clients, run: Run, machines: Collection[Machine], why: str) -> str | None:
    """Terminate machines, at most 100, that have no task.

    ECS stops the tasks of a draining machine (ECS developer guide, "Container instance draining"), and a
    service may place a task at any time. So only machines without a task are drained, and after that, when
    ECS places nothing more on them, they are looked at again: only those that ECS has drained and still shows
    without a task are ended. One that was given a task in between becomes active again, and so does one that
    ECS does not show. One that ECS does not know, or does not drain, is left to the next look, which sees
    whether it has left the cluster or joined it anew.
    """
    ecs, cluster = clients.ecs, run.cluster
    joined = {machine.container_instance: machine.instance_id for machine in machines}
    draining, unset = set_state(ecs, cluster, find_idle(ecs, cluster, joined.keys() - {""}), "DRAINING")
    try:
        idle = find_idle(ecs, cluster, draining)
    except AwsError as error:
        idle, unset = [], {*unset, error_text(error)}
    _, inactive = set_state(ecs, cluster, sorted({*draining} - {*idle}), "ACTIVE")
    outside = [machine.instance_id for machine in machines if not machine.container_instance]
    ended = terminate(clients.ec2, sorted([*outside, *(joined[place] for place in idle)]))
    return "; ".join(_ended(ended, why) + _kept(unset | inactive)) or None


def _ended(ids: list[str], why: str) -> list[str]:
    machines = f"{len(ids)} machine{'s' if len(ids) > 1 else ''}"
    return [f"{machines} ended: {why} ({', '.join(ids)})"] if ids else []


def _kept(reasons: set[str]) -> list[str]:
    """Say why ECS did not set the state of machines, unless they have only left the cluster."""
    told = ", ".join(sorted(reasons - {GONE}))
    return [f"some idle machines stay for now, because ECS cannot drain them: {told}"] if told else []
