"""What the machines see of a region: running instances, the clusters' places, services and tasks, by boto3.

Nothing is decided here. Field names are ours; AWS's casing stays in this module.
"""

from __future__ import annotations

import base64
import email
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef
    from mypy_boto3_ecs import ECSClient

BATCH = 100
SERVICES_BATCH = 10

CLUSTER_LINE = re.compile(r"\bECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")
ATTRIBUTES_LINE = re.compile(r"^ECS_INSTANCE_ATTRIBUTES=(\{.*\})\s*$", re.MULTILINE)
#: The only form of expression that is read; ECS knows more (developer guide, "Cluster query language").
MEMBER_OF = re.compile(r"attribute:([\w.-]+) == ([\w.-]+)")
DRAINING_LINE = re.compile(r"\bECS_ENABLE_SPOT_INSTANCE_DRAINING=[\"']?true", re.IGNORECASE)


@dataclass(frozen=True)
class Instance:
    """A running instance whose user data joins a cluster. `drains`: a spot notice drains its tasks.

    `attributes`: what its agent says about it, by name.
    """

    instance_id: str
    instance_type: str
    zone: str
    cluster: str
    drains: bool
    spot: bool
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A container instance: a machine as ECS knows it, with its total memory (MiB) and CPU units."""

    arn: str
    instance_id: str
    cluster: str
    active: bool
    memory: int
    cpu: int


@dataclass(frozen=True)
class Service:
    """An active service. `distinct`: no two of its tasks share a machine.

    `member_of`: attributes that a machine must have.
    """

    arn: str
    name: str
    cluster: str
    definition: str
    desired: int
    distinct: bool = False
    member_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return f"service:{self.name}"


@dataclass(frozen=True)
class TaskView:
    """A task that has not stopped, as ECS knows it."""

    arn: str
    cluster: str
    group: str
    place: str
    definition: str
    wanted: bool
    state: str
    created: datetime
    protected: bool = False


@dataclass(frozen=True)
class RegionSnapshot:
    """A region at one moment. `definitions`: the registered task definitions that services and tasks name."""

    clusters: set[str] = field(default_factory=set)
    machines: dict[str, Instance] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    services: list[Service] = field(default_factory=list)
    tasks: dict[str, TaskView] = field(default_factory=dict)
    definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def parse_user_data(text: str) -> tuple[str | None, bool, dict[str, str]]:
    """Return what user data says about a machine.

    That is the cluster it joins (None: none), whether a spot notice drains it, and its attributes.

    `text` is EC2's form: base64 of a shell script, or of a MIME multipart of several.
    """
    script = base64.b64decode(text, validate=False).decode("utf-8", "replace")
    if script.lstrip().lower().startswith(("content-type:", "mime-version:")):
        parts = [
            part for part in email.message_from_string(script.lstrip()).walk() if not part.is_multipart()
        ]
        script = "\n".join(_payload(part) for part in parts)
    found = CLUSTER_LINE.findall(script)
    attributes = ATTRIBUTES_LINE.findall(script)
    return (
        (found[-1] if found else None),
        bool(DRAINING_LINE.search(script)),
        json.loads(attributes[-1]) if attributes else {},
    )


def read_member_of(expression: str) -> dict[str, str]:
    """Return the attributes that a placement constraint requires. Raises ValueError for other expressions."""
    if not expression:
        return {}
    found = MEMBER_OF.fullmatch(expression)
    if found is None:
        raise ValueError(f"the embedded cloud cannot read the placement constraint {expression!r}")
    return {found[1]: found[2]}


def _payload(part: Any) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


class RegionObserver:
    """Observes one region. It remembers what cannot change: user data and task definitions."""

    def __init__(self, ec2: EC2Client, ecs: ECSClient) -> None:
        self.ec2 = ec2
        self.ecs = ecs
        self._joined: dict[str, tuple[str | None, bool, dict[str, str]]] = {}
        self._definitions: dict[str, Mapping[str, Any]] = {}

    def observe(self, local_tasks: set[str]) -> RegionSnapshot:
        """Return the region's state. `local_tasks` are looked up even if they are no longer wanted."""
        snapshot = RegionSnapshot(machines={machine.instance_id: machine for machine in self._machines()})
        named = {machine.cluster for machine in snapshot.machines.values()}
        snapshot.clusters.update(self._clusters(named))
        for cluster in snapshot.clusters:
            snapshot.places.update((place.arn, place) for place in self._places(cluster))
            snapshot.services.extend(self._services(cluster))
            mine = {task for task in local_tasks if f":task/{cluster}/" in task}
            snapshot.tasks.update((task.arn, task) for task in self._tasks(cluster, mine))
        definitions = {item.definition for item in snapshot.services}
        definitions |= {item.definition for item in snapshot.tasks.values()}
        snapshot.definitions.update((arn, self._definition(arn)) for arn in definitions)
        return snapshot

    def _clusters(self, named: set[str]) -> Iterator[str]:
        """Yield the active clusters that have anything in them, or that machines want to join."""
        arns = list(_pages(self.ecs, "list_clusters", "clusterArns"))
        for batch in _batches(arns, BATCH):
            for item in self.ecs.describe_clusters(clusters=batch)["clusters"]:
                used = item["clusterName"] in named or any(
                    (
                        item["registeredContainerInstancesCount"],
                        item["activeServicesCount"],
                        item["runningTasksCount"],
                    )
                )
                if used and item["status"] == "ACTIVE":
                    yield item["clusterName"]

    def _machines(self) -> Iterator[Instance]:
        filters: list[FilterTypeDef] = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for page in self.ec2.get_paginator("describe_instances").paginate(Filters=filters):
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    cluster, drains, attributes = self._membership(instance["InstanceId"])
                    if cluster:
                        yield Instance(
                            instance_id=instance["InstanceId"],
                            instance_type=instance["InstanceType"],
                            zone=instance["Placement"]["AvailabilityZone"],
                            cluster=cluster,
                            drains=drains,
                            spot=instance.get("InstanceLifecycle") == "spot",
                            attributes=attributes,
                        )

    def _membership(self, instance_id: str) -> tuple[str | None, bool, dict[str, str]]:
        if instance_id not in self._joined:
            response = self.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
            text = response.get("UserData", {}).get("Value", "")
            self._joined[instance_id] = parse_user_data(text)
        return self._joined[instance_id]

    def _places(self, cluster: str) -> Iterator[Place]:
        arns = _pages(self.ecs, "list_container_instances", "containerInstanceArns", cluster=cluster)
        for batch in _batches(list(arns), BATCH):
            found = self.ecs.describe_container_instances(cluster=cluster, containerInstances=batch)
            for item in found["containerInstances"]:
                resources = {
                    entry["name"]: entry.get("integerValue", 0) for entry in item["registeredResources"]
                }
                yield Place(
                    arn=item["containerInstanceArn"],
                    instance_id=item["ec2InstanceId"],
                    cluster=cluster,
                    active=item["status"] == "ACTIVE",
                    memory=resources["MEMORY"],
                    cpu=resources["CPU"],
                )

    def _services(self, cluster: str) -> Iterator[Service]:
        arns = _pages(self.ecs, "list_services", "serviceArns", cluster=cluster)
        for batch in _batches(list(arns), SERVICES_BATCH):
            for item in self.ecs.describe_services(cluster=cluster, services=batch)["services"]:
                constraints = {
                    entry["type"]: entry.get("expression", "")
                    for entry in item.get("placementConstraints", [])
                }
                yield Service(
                    arn=item["serviceArn"],
                    name=item["serviceName"],
                    cluster=cluster,
                    definition=item["taskDefinition"],
                    desired=item["desiredCount"],
                    distinct="distinctInstance" in constraints,
                    member_of=read_member_of(constraints.get("memberOf", "")),
                )

    def _tasks(self, cluster: str, mine: set[str]) -> Iterator[TaskView]:
        running = _pages(self.ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus="RUNNING")
        for batch in _batches(sorted({*running, *mine}), BATCH):
            protected = self._protected(cluster, batch)
            for item in self.ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]:
                yield TaskView(
                    arn=item["taskArn"],
                    cluster=cluster,
                    group=item["group"],
                    place=item.get("containerInstanceArn", ""),
                    definition=item["taskDefinitionArn"],
                    wanted=item["desiredStatus"] == "RUNNING",
                    state=item["lastStatus"],
                    created=item["createdAt"],
                    protected=item["taskArn"] in protected,
                )

    def _protected(self, cluster: str, arns: list[str]) -> set[str]:
        found = self.ecs.get_task_protection(cluster=cluster, tasks=arns)["protectedTasks"]
        return {item["taskArn"] for item in found if item["protectionEnabled"]}

    def _definition(self, arn: str) -> Mapping[str, Any]:
        if arn not in self._definitions:
            response = self.ecs.describe_task_definition(taskDefinition=arn)
            self._definitions[arn] = response["taskDefinition"]
        return self._definitions[arn]


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[str]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]


def _batches(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
