"""The ECS side: cluster, task definition and service, each made, or mended where it differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distributed_fiji.aws import documents
from distributed_fiji.aws.eventually import OTHER_SECONDS, ROLE_IS_LATE, until_seen
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.settings import Settings

#: What a service is given anew when setup finds it different.
UPDATED = (
    "taskDefinition",
    "placementConstraints",
    "placementStrategy",
    "deploymentConfiguration",
    "availabilityZoneRebalancing",
)


def ensure_cluster(ecs: Any, settings: Settings, clock: Clock) -> Change:
    """Make the cluster unless an active one of that name is there; one that was there is not tagged ours.

    An account's first cluster may have to wait for ECS's own role.
    """
    found = ecs.describe_clusters(clusters=[settings.ECS_CLUSTER])["clusters"]
    if any(cluster["status"] == "ACTIVE" for cluster in found):
        return Change("cluster", settings.ECS_CLUSTER, "kept")
    tags = documents.ecs_tags(settings.APP_NAME)
    until_seen(
        lambda: ecs.create_cluster(clusterName=settings.ECS_CLUSTER, tags=tags),
        ROLE_IS_LATE,
        clock,
        OTHER_SECONDS,
    )
    return Change("cluster", settings.ECS_CLUSTER, "created")


def ensure_task_definition(
    ecs: Any, wanted: dict[str, Any], app_name: str, clock: Clock
) -> tuple[str, Change]:
    """Register a revision unless the newest active one says the same; return its ARN."""
    current = find_task_definition(ecs, wanted["family"])
    differing = _differing(current, wanted) if current else []
    if current and not differing:
        return current["taskDefinitionArn"], Change("task definition", wanted["family"], "kept")
    tags = documents.ecs_tags(app_name)
    response = until_seen(lambda: ecs.register_task_definition(**wanted, tags=tags), ROLE_IS_LATE, clock)
    change = Change.of(
        "task definition",
        wanted["family"],
        created=current is None,
        changed=True,
        detail=", ".join(differing),
    )
    return response["taskDefinition"]["taskDefinitionArn"], change


def find_task_definition(ecs: Any, family: str) -> dict[str, Any] | None:
    """Return the newest active task definition of a family, or None."""
    arns = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE", sort="DESC")["taskDefinitionArns"]
    exact = [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]
    if not exact:
        return None
    return ecs.describe_task_definition(taskDefinition=exact[0])["taskDefinition"]


def _differing(current: Any, wanted: Any, path: str = "") -> list[str]:
    """Name what is wanted and not so; what AWS adds of itself does not count."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        return [
            name
            for key, value in wanted.items()
            for name in _differing(current.get(key), value, f"{path}.{key}")
        ]
    if path.endswith(".environment"):
        return _differing_variables(current or [], wanted)
    if isinstance(wanted, list) and isinstance(current, list) and len(wanted) == len(current):
        pairs = zip(current, wanted, strict=True)
        return [name for have, want in pairs for name in _differing(have, want, path)]
    return [] if current == wanted else [path.rsplit(".", 1)[-1]]


def _differing_variables(current: list[dict[str, str]], wanted: list[dict[str, str]]) -> list[str]:
    have = {item["name"]: item["value"] for item in current}
    want = {item["name"]: item["value"] for item in wanted}
    return sorted(name for name in have.keys() | want.keys() if have.get(name) != want.get(name))


def ensure_service(
    ecs: Any, settings: Settings, task_definition_arn: str, clock: Clock, tell: Callable[[str], None]
) -> Change:
    """Make the service with no task, or give the one that is there the new task definition.

    One that was deleted keeps its name until its last task has stopped, and is waited for.
    """
    current = find_service(ecs, settings.ECS_CLUSTER, settings.service, status=("ACTIVE", "DRAINING"))
    if current and current["status"] == "DRAINING":
        tell(f"The service {settings.service} of an earlier run still ends its tasks; waiting")
        wait_for_end(ecs, settings.ECS_CLUSTER, settings.service)
        current = None
    if current is None:
        wanted = documents.service(settings, task_definition_arn)
        until_seen(lambda: ecs.create_service(**wanted), ROLE_IS_LATE, clock, OTHER_SECONDS)
        return Change("service", settings.service, "created")
    wanted = {key: documents.service(settings, task_definition_arn)[key] for key in UPDATED}
    differing = [key for key in UPDATED if _differing(current.get(key), wanted[key])]
    if not differing:
        return Change("service", settings.service, "kept")
    # UpdateService keeps what it is not given (ECS API reference), so all of it is sent.
    ecs.update_service(cluster=settings.ECS_CLUSTER, service=settings.service, **wanted)
    return Change("service", settings.service, "changed", ", ".join(differing))


def wait_for_end(ecs: Any, cluster: str, name: str) -> None:
    """Wait until a deleted service is inactive: ten minutes at most, as the waiter does."""
    ecs.get_waiter("services_inactive").wait(cluster=cluster, services=[name])


def read_environment(ecs: Any, definition_arn: str) -> dict[str, str]:
    """Return the environment that a task definition gives to the worker."""
    found = ecs.describe_task_definition(taskDefinition=definition_arn)
    containers = found["taskDefinition"]["containerDefinitions"]
    return {item["name"]: item["value"] for item in containers[0].get("environment", [])}


def find_service(
    ecs: Any, cluster: str, name: str, status: tuple[str, ...] = ("ACTIVE",)
) -> dict[str, Any] | None:
    """Return a service that is active, or in another of these states; None where there is none."""
    try:
        found = ecs.describe_services(cluster=cluster, services=[name])["services"]
    except ecs.exceptions.ClusterNotFoundException:
        return None
    return next((item for item in found if item["status"] in status), None)


def scale_service(ecs: Any, cluster: str, name: str, tasks: int) -> None:
    """Set how many tasks the service wants."""
    ecs.update_service(cluster=cluster, service=name, desiredCount=tasks)


def start_service(ecs: Any, cluster: str, name: str, tasks: int) -> None:
    """Let the service want tasks, by the image that its tag names today.

    ECS resolves a tag once for each deployment (ECS developer guide, "Container image resolution";
    aws/containers-roadmap#2393), so that a service with no task is deployed anew: its tasks would run the
    image that the tag named when setup ran.
    """
    service = find_service(ecs, cluster, name)
    idle = service is not None and not service["desiredCount"]
    ecs.update_service(cluster=cluster, service=name, desiredCount=tasks, forceNewDeployment=idle)


def joined_machines(ecs: Any, cluster: str) -> set[str]:
    """Return the ids of the EC2 machines that have joined a cluster and are active."""
    arns: list[str] = []
    for page in ecs.get_paginator("list_container_instances").paginate(cluster=cluster, status="ACTIVE"):
        arns += page["containerInstanceArns"]
    joined = set()
    for start in range(0, len(arns), 100):
        found = ecs.describe_container_instances(
            cluster=cluster, containerInstances=arns[start : start + 100]
        )
        joined |= {item["ec2InstanceId"] for item in found["containerInstances"]}
    return joined
