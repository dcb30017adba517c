"""What moto's ECS lacks for clusters and services: true counts, and refusals where ECS refuses.

Follows the ECS API reference (CreateService, ListServices, DescribeServices, DescribeClusters, DeleteCluster,
RegisterContainerInstance).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from distributed_fiji.local.emulators.patching import add

#: ECS shows the latest hundred events of a service (API reference, Service).
EVENTS_KEPT = 100


#: What moto drops of a service: its attribute, ECS's parameter, and the default.
PLACEMENT: tuple[tuple[str, str, Any], ...] = (
    ("placement_constraints", "placementConstraints", []),
    ("placement_strategy", "placementStrategy", []),
    ("deployment_configuration", "deploymentConfiguration", {}),
    ("availability_zone_rebalancing", "availabilityZoneRebalancing", "ENABLED"),
)


def install() -> None:
    """Add these calls to moto's ECS. Where moto has the call, it runs before or after ours."""
    _before("describe_services", refresh)
    _after("create_service", keep_placement)
    _after("update_service", keep_placement)
    _before("describe_clusters", refresh)
    _before("create_service", refuse_second_service)
    _before("delete_cluster", refuse_cluster_in_use)
    add(EC2ContainerServiceResponse, "list_services", list_services)
    add(EC2ContainerServiceResponse, "register_container_instance", register_container_instance)
    add(EC2ContainerServiceBackend, "update_cluster_resources", lambda *args, **kwargs: None)


def _before(name: str, step: Any) -> None:
    original = getattr(EC2ContainerServiceResponse, name)

    def call(response: Any) -> Any:
        step(response)
        return original(response)

    add(EC2ContainerServiceResponse, name, call)


def _after(name: str, step: Any) -> None:
    original = getattr(EC2ContainerServiceResponse, name)

    def call(response: Any) -> Any:
        result = original(response)
        step(response)
        return result

    add(EC2ContainerServiceResponse, name, call)


def refresh(response: Any) -> None:
    """Update the counts that moto stores but does not maintain."""
    backend = response.ecs_backend
    for service in list(backend.services.values()):
        _refresh_service(backend, service)
    for cluster in list(backend.clusters.values()):
        tasks = list(backend.tasks.get(cluster.name, {}).values())
        services = [item for item in backend.services.values() if item.cluster_name == cluster.name]
        cluster.running_tasks_count = _count(tasks, "RUNNING")
        cluster.pending_tasks_count = _count(tasks, "PENDING")
        cluster.active_services_count = sum(item.status == "ACTIVE" for item in services)
        cluster.registered_container_instances_count = len(backend.container_instances.get(cluster.name, {}))


def _refresh_service(backend: Any, service: Any) -> None:
    group = f"service:{service.name}"
    tasks = [
        task for task in list(backend.tasks.get(service.cluster_name, {}).values()) if task.group == group
    ]
    service.running_count, service.pending_count = _count(tasks, "RUNNING"), _count(tasks, "PENDING")
    if service.task_definition:
        service.task_definition = backend.describe_task_definition(service.task_definition).arn
    steady = service.running_count == service.desired_count
    for deployment in service.deployments:
        deployment |= {
            "desiredCount": service.desired_count,
            "runningCount": service.running_count,
            "pendingCount": service.pending_count,
            "taskDefinition": service.task_definition,
            "rolloutState": "COMPLETED" if steady else "IN_PROGRESS",
        }


def _count(tasks: list[Any], state: str) -> int:
    return sum(task.state == state for task in tasks)


def keep_placement(response: Any) -> None:
    """Store what moto drops from CreateService and UpdateService: how tasks are placed and replaced.

    UpdateService keeps whatever it is not given (API reference).
    """
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    name = response._get_param("serviceName") or response._get_param("service").rpartition("/")[2]
    service = response.ecs_backend.services[f"{cluster.name}:{name}"]
    for attribute, parameter, unset in PLACEMENT:
        kept = getattr(service, attribute, None)
        setattr(service, attribute, response._get_param(parameter, kept if kept is not None else unset))
    refresh(response)


def refuse_second_service(response: Any) -> None:
    """Raise as ECS does if an active service already has the name."""
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    found = response.ecs_backend.services.get(f"{cluster.name}:{response._get_param('serviceName')}")
    if found is not None and found.status == "ACTIVE":
        raise InvalidParameterException("Creation of service was not idempotent.")


def refuse_cluster_in_use(response: Any) -> None:
    """Raise as ECS does while machines, services or tasks are in the cluster."""
    refresh(response)
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    held = (
        (
            "ContainerInstances",
            cluster.registered_container_instances_count,
            "container instances are registered",
        ),
        ("Services", cluster.active_services_count, "services are active"),
        ("Tasks", cluster.running_tasks_count + cluster.pending_tasks_count, "tasks are running"),
    )
    for kind, count, what in held:
        if count:
            raise ECSException(
                f"ClusterContains{kind}Exception", f"The Cluster cannot be deleted while {what}."
            )


def list_services(response: Any) -> ActionResult:
    """List services that have not been deleted."""
    backend = response.ecs_backend
    arns = backend.list_services(
        response._get_param("cluster", "default"),
        response._get_param("schedulingStrategy"),
        launch_type=response._get_param("launchType"),
    )
    active = {service.arn for service in backend.services.values() if service.status == "ACTIVE"}
    return ActionResult({"serviceArns": [arn for arn in arns if arn in active]})


_register = EC2ContainerServiceResponse.register_container_instance


def register_container_instance(response: Any) -> ActionResult:
    """Register a machine with the CPU and memory that its agent names."""
    result = _register(response)
    answer: Any = result.result
    machine = answer["containerInstance"]
    for wanted in response._get_param("totalResources", []):
        for resource in (*machine.registered_resources, *machine.remaining_resources):
            if resource["name"] == wanted["name"] and "integerValue" in wanted:
                resource["integerValue"] = wanted["integerValue"]
    return result


def add_service_event(account: str, region: str, cluster: str, service: str, message: str) -> None:
    """Put an event at the top of a service's events, unless the latest one has the same message."""
    found = ecs_backends[account][region].services.get(f"{cluster}:{service}")
    if found is None or (found.events and found.events[0]["message"] == message):
        return
    event = {"id": str(uuid.uuid4()), "createdAt": datetime.now(timezone.utc), "message": message}
    found.events[:] = [event, *found.events][:EVENTS_KEPT]
