"""Reclaim one of the cloud's spot machines as EC2 does, with or without notice: a rehearsal for AWS."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from distributed_fiji.errors import NothingThere
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.state import MACHINES

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

#: EC2 gives two minutes' notice; a rehearsal need not take that long.
NOTICE_SECONDS = 10.0


def interrupt(
    cloud: Cloud, instance_id: str | None = None, *, notice: bool = True, seconds: float = NOTICE_SECONDS
) -> str:
    """Reclaim a machine, or any running spot machine if none is named; return its id.

    With notice, the machine's metadata report it at once, its tasks get SIGTERM if its user data drains it on
    a notice, and it ends after some seconds. Raises NothingThere.
    """
    running = spot_machines(cloud)
    if not running:
        raise NothingThere("No spot machine is running on the embedded cloud. startCluster starts them.")
    if instance_id is not None and instance_id not in running:
        raise NothingThere(f"{instance_id} is not a running spot machine; these are: {', '.join(running)}")
    chosen = instance_id or running[0]
    body = {"instance": chosen, "seconds": seconds if notice else None}
    try:
        with urllib.request.urlopen(cloud.request(MACHINES, "/interrupt", body), timeout=30):
            return chosen
    except urllib.error.HTTPError as error:
        raise NothingThere(f"{chosen} has not joined its cluster yet; try again in a second") from error


def spot_machines(cloud: Cloud) -> list[str]:
    """Return the ids of the running spot machines, those with the most tasks first."""
    found = [
        item["InstanceId"] for item in running_machines(cloud) if item.get("InstanceLifecycle") == "spot"
    ]
    tasks = tasks_by_machine(cloud)
    return sorted(found, key=lambda item: (-len(tasks.get(item, [])), item))


def running_machines(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the running instances, as EC2 describes them."""
    filters = [{"Name": "instance-state-name", "Values": ["running"]}]
    pages = cloud.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
    return [item for page in pages for group in page["Reservations"] for item in group["Instances"]]


def tasks_by_machine(cloud: Cloud) -> dict[str, list[dict[str, Any]]]:
    """Return the tasks of all clusters that have not stopped, by machine."""
    ecs = cloud.client("ecs")
    found: dict[str, list[dict[str, Any]]] = {}
    for cluster in ecs.list_clusters()["clusterArns"]:
        places = _described(ecs, cluster, "container_instances", "containerInstances")
        machines = {item["containerInstanceArn"]: item["ec2InstanceId"] for item in places}
        for task in _described(ecs, cluster, "tasks", "tasks"):
            found.setdefault(machines.get(task["containerInstanceArn"], "?"), []).append(task)
    return found


def _described(ecs: ECSClient, cluster: str, what: str, key: str) -> list[dict[str, Any]]:
    listed = {"container_instances": "containerInstanceArns", "tasks": "taskArns"}[what]
    client: Any = ecs  # the stubs know the operations only by literal names
    pages = client.get_paginator(f"list_{what}").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page[listed]]
    describe = getattr(client, f"describe_{what}")
    return [
        item
        for start in range(0, len(arns), 100)
        for item in describe(cluster=cluster, **{key: arns[start : start + 100]})[key]
    ]
