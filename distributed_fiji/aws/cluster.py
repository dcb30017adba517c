"""Cluster, task definition and service: find, create, update, scale and remove them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws import documents
from distributed_fiji.aws.clients import Clients, error_code, pages
from distributed_fiji.aws.eventually import OTHER_SECONDS, ROLE_IS_LATE, until_seen
from distributed_fiji.aws.machines import there_of
from distributed_fiji.aws.tasks import NO_CLUSTER, read_container_instances
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from distributed_fiji.settings import Settings

#: What setup updates in an existing service that differs.
UPDATED = (
    "taskDefinition",
    "placementConstraints",
    "placementStrategy",
    "deploymentConfiguration",
    "availabilityZoneRebalancing",
)


def ensure_cluster(ecs: ECSClient, settings: Settings, clock: Clock) -> Change:
    """Create the cluster unless an active one has that name. An existing one is not tagged as ours.

    In a new account, the first cluster may have to wait for ECS's own role.
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
    ecs: ECSClient, wanted: dict[str, Any], app_name: str, clock: Clock
) -> tuple[str, Change]:
    """Register a revision unless the newest active one is identical; return its ARN."""
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


def find_task_definition(ecs: ECSClient, family: str) -> Mapping[str, Any] | None:
    """Return the newest active task definition of a family, or None."""
    arns = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE", sort="DESC")["taskDefinitionArns"]
    exact = [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]
    if not exact:
        return None
    return ecs.describe_task_definition(taskDefinition=exact[0])["taskDefinition"]


def _differing(current: Any, wanted: Any, path: str = "") -> list[str]:
    """Name the wanted values that differ. Values that AWS adds are ignored."""
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
    ecs: ECSClient, settings: Settings, task_definition_arn: str, clock: Clock, tell: Callable[[str], None]
) -> Change:
    """Create the service without tasks, or give an existing one the new task definition.

    A deleted service keeps its name until its last task has stopped; this waits for that.
    """
    current = find_service(ecs, settings.ECS_CLUSTER, settings.service, status=("ACTIVE", "DRAINING"))
    if current and current["status"] == "DRAINING":
        tell(f"Service {settings.service} from an earlier run is still stopping; waiting")
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
    # UpdateService keeps what it is not given (ECS API reference), so everything is sent.
    ecs.update_service(cluster=settings.ECS_CLUSTER, service=settings.service, **wanted)
    return Change("service", settings.service, "changed", ", ".join(differing))


def wait_for_end(ecs: ECSClient, cluster: str, name: str) -> None:
    """Wait until a deleted service is inactive, for at most ten minutes, like the waiter."""
    ecs.get_waiter("services_inactive").wait(cluster=cluster, services=[name])


def read_environment(ecs: ECSClient, definition: str) -> dict[str, str]:
    """Return the environment that a task definition sets for the worker.

    `definition`: its ARN, or a family, which means the newest.
    """
    found = ecs.describe_task_definition(taskDefinition=definition)
    containers = found["taskDefinition"]["containerDefinitions"]
    return {item["name"]: item["value"] for item in containers[0].get("environment", [])}


def find_service(
    ecs: ECSClient, cluster: str, name: str, status: tuple[str, ...] = ("ACTIVE",)
) -> Mapping[str, Any] | None:
    """Return a service that is active, or in one of these other states; None if there is none."""
    try:
        found = ecs.describe_services(cluster=cluster, services=[name])["services"]
    except ClientError as error:
        if error_code(error) in NO_CLUSTER:
            return None
        raise
    return next((item for item in found if item["status"] in status), None)


def scale_service(ecs: ECSClient, cluster: str, name: str, tasks: int) -> None:
    """Set the service's desired count."""
    ecs.update_service(cluster=cluster, service=name, desiredCount=tasks)


def start_service(ecs: ECSClient, cluster: str, name: str, tasks: int) -> None:
    """Set the service's desired count, and deploy the image that its tag names today.

    ECS resolves a tag once per deployment (ECS developer guide, "Container image resolution";
    aws/containers-roadmap#2393). So a service without tasks is deployed again; otherwise its tasks would run
    the image that the tag named when setup ran.
    """
    service = find_service(ecs, cluster, name)
    idle = service is not None and not service["desiredCount"]
    ecs.update_service(cluster=cluster, service=name, desiredCount=tasks, forceNewDeployment=idle)


def joined_machines(ecs: ECSClient, cluster: str) -> dict[str, Mapping[str, Any]]:
    """Return a cluster's active EC2 machines: container instances by instance id."""
    found = read_container_instances(ecs, cluster)
    return {instance_id: item for instance_id, item in found.items() if item["status"] == "ACTIVE"}


#: Seconds that tasks and machines get to leave a cluster. SIGTERM to SIGKILL takes 110 s.
TASKS_DEADLINE = 120


def stop_service(ecs: ECSClient, cluster: str, service: str) -> str | None:
    """Set the service's desired count to 0."""
    try:
        ecs.update_service(cluster=cluster, service=service, desiredCount=0)
    except ClientError as error:
        if error_code(error) in ENDED_SERVICE:
            return None
        raise
    return f"service {service} set to 0 tasks"


def remove_service(ecs: ECSClient, cluster: str, service: str) -> str | None:
    """Delete the service, including tasks that it may still have."""
    try:
        ecs.delete_service(cluster=cluster, service=service, force=True)
    except ClientError as error:
        if error_code(error) in ENDED_SERVICE:
            return None
        raise
    return f"service {service} deleted"


def task_definitions(ecs: ECSClient, family: str) -> list[str]:
    """Return the ARNs of the active revisions of exactly that family, since the API lists by prefix."""
    arns = pages(ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
    return [arn for arn in arns if arn.rpartition("/")[2].rpartition(":")[0] == family]


def remove_task_definitions(ecs: ECSClient, family: str) -> str | None:
    """Deregister every active revision of a family."""
    arns = task_definitions(ecs, family)
    for arn in arns:
        ecs.deregister_task_definition(taskDefinition=arn)
    return f"task definition {family} deregistered" if arns else None


def count_machines(ecs: ECSClient, cluster: str) -> int:
    """Return how many machines a cluster has, whoever started them; 0 if there is no such cluster."""
    found = ecs.describe_clusters(clusters=[cluster])["clusters"]
    return sum(item["registeredContainerInstancesCount"] for item in found)


def find_own_cluster(ecs: ECSClient, cluster: str, app_name: str) -> Mapping[str, Any] | None:
    """Return the cluster if this app created it and it is not the account's default one."""
    found = ecs.describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"]
    return next((item for item in found if is_own_cluster(item, app_name)), None)


def is_own_cluster(cluster: Mapping[str, Any], app_name: str) -> bool:
    """Whether a described cluster is this app's own, by its tag, and not the account's default."""
    tags = {tag["key"]: tag["value"] for tag in cluster.get("tags", [])}
    named = cluster["clusterName"] != "default" and cluster["status"] == "ACTIVE"
    return named and tags.get(APP_TAG) == app_name


def deregister_gone(clients: Clients, cluster: str) -> None:
    """Remove terminated machines from a cluster if ECS has not noticed them."""
    joined = read_container_instances(clients.ecs, cluster)
    if not joined:
        return
    for instance_id in joined.keys() - there_of(clients.ec2, sorted(joined)):
        arn = joined[instance_id]["containerInstanceArn"]
        clients.ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)


def remove_cluster(clients: Clients, cluster: str, app_name: str, clock: Clock) -> str | None:
    """Delete the cluster if it is this app's own and empty. Its tasks get two minutes to end."""
    begun = clock.now()
    while found := find_own_cluster(clients.ecs, cluster, app_name):
        deregister_gone(clients, cluster)
        counts = ("activeServices", "registeredContainerInstances", "runningTasks", "pendingTasks")
        used = [count for count in counts if found.get(f"{count}Count")]
        if not used:
            clients.ecs.delete_cluster(cluster=cluster)
            return f"cluster {cluster} deleted"
        if found.get("activeServicesCount") or clock.now() - begun >= TASKS_DEADLINE:
            return f"cluster {cluster} is kept: it still has {', '.join(used)}"
        clock.sleep(2)
    return None


#: ECS's errors if a service does not exist, or no longer does.
ENDED_SERVICE = (*NO_CLUSTER, "ServiceNotFoundException", "ServiceNotActiveException")


def read_service(
    ecs: ECSClient, cluster: str, service: str, since: float
) -> tuple[int | None, tuple[str, ...]]:
    """Return a service's desired count, and its events since a time (seconds since 1970), latest first.

    (None, ()) if there is no active service.
    """
    found = find_service(ecs, cluster, service)
    if found is None:
        return None, ()
    return found["desiredCount"], events_since(found, since)


def events_since(service: Mapping[str, Any], since: float) -> tuple[str, ...]:
    """Return a described service's events since a time (seconds since 1970), latest first."""
    events = service.get("events", [])
    return tuple(event["message"] for event in events if event["createdAt"].timestamp() >= since)


def read_desired(ecs: ECSClient, cluster: str, service: str) -> int | None:
    """Return the service's desired count, or None if there is no active service."""
    found = find_service(ecs, cluster, service)
    return found["desiredCount"] if found else None
