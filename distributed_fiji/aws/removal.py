"""Remove one thing of AWS at a time, by its exact name or id; what is not there counts as removed.

Each function returns a sentence on what it did, or None where nothing was there. Errors of AWS rise:
teardown and cleanup go on with the next thing, and report.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import Clients, error_code, pages
from distributed_fiji.aws.documents import stuck_alarm_name
from distributed_fiji.aws.lookups import (
    ENDED_SERVICE,
    THERE,
    placed,
    queue_attributes,
    read_container_instances,
    read_fleet,
    read_machines,
    read_tasks,
)
from distributed_fiji.clock import Clock
from distributed_fiji.errors import SomethingLeft
from distributed_fiji.state.runfacts import RunFacts
from worker.contract.jobs import APP_TAG

#: Alarms in one DeleteAlarms (CloudWatch API reference).
ALARM_BATCH = 100

#: Values that one filter of EC2's takes.
FILTER_VALUES = 200

#: States of a spot fleet that starts no machine any more and has ended those it had, or never had any.
CANCELLED = ("cancelled", "cancelled_terminating", "failed")

#: Seconds for which EC2 may refuse to cancel a fleet, and those in which it may not know a new one yet
#: ("Eventual consistency", EC2 API reference).
CANCEL_DEADLINE, UNSEEN_SECONDS = 120, 300

#: Seconds that tasks and machines get to leave a cluster: SIGTERM to SIGKILL takes 110 s.
TASKS_DEADLINE = 120


def stop_service(ecs: Any, cluster: str, service: str) -> str | None:
    """Let the service want no task."""
    try:
        ecs.update_service(cluster=cluster, service=service, desiredCount=0)
    except ClientError as error:
        if error_code(error) in ENDED_SERVICE:
            return None
        raise
    return f"service {service} wants no task any more"


def remove_service(ecs: Any, cluster: str, service: str) -> str | None:
    """Delete the service, with the tasks it may still have."""
    try:
        ecs.delete_service(cluster=cluster, service=service, force=True)
    except ClientError as error:
        if error_code(error) in ENDED_SERVICE:
            return None
        raise
    return f"service {service} deleted"


def cancel_fleet(ec2: Any, fleet_id: str, clock: Clock, *, started: float = 0) -> str | None:
    """Cancel a spot fleet and end its machines; return only once EC2 says that it is cancelled.

    EC2 answers 200 to a cancellation that it refuses, with the reason inside (EC2 API reference,
    CancelSpotFleetRequests), so the fleet's own state decides. It may not know a new fleet yet: one that was
    asked for at `started` (seconds since 1970) counts as gone only five minutes later. Raises SomethingLeft.
    """
    begun, accepted, missed = clock.now(), False, 0
    while True:
        refusal = _ask_to_cancel(ec2, fleet_id)
        accepted = accepted or not refusal
        state = read_fleet(ec2, fleet_id).state
        missed = 0 if state else missed + 1
        if state in CANCELLED:
            return f"fleet {fleet_id} cancelled, its machines end" if accepted else None
        if missed >= 2 and clock.now() - started >= UNSEEN_SECONDS:
            return None
        if clock.now() - begun >= CANCEL_DEADLINE:
            raise SomethingLeft(
                f"fleet {fleet_id} is not cancelled; EC2 says that it is {state or 'unknown'}: {refusal}"
            )
        clock.sleep(2)


def _ask_to_cancel(ec2: Any, fleet_id: str) -> str:
    """Ask EC2 to cancel a fleet with its machines; return why it refuses, '' when it does not."""
    try:
        answer = ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet_id], TerminateInstances=True)
    except ClientError as error:
        if error_code(error) == "InvalidSpotFleetRequestId.NotFound":
            return "it knows no such fleet"
        raise
    refused = [item["Error"] for item in answer.get("UnsuccessfulFleetRequests", [])]
    return "; ".join(f"{error.get('Code')} {error.get('Message', '')}".strip() for error in refused)


def terminate(ec2: Any, instance_ids: list[str]) -> str | None:
    """Terminate instances."""
    if not instance_ids:
        return None
    ec2.terminate_instances(InstanceIds=instance_ids)
    return f"{len(instance_ids)} machine{'s' if len(instance_ids) > 1 else ''} terminated"


def remove_alarms(cloudwatch: Any, app_name: str, instance_ids: Iterable[str]) -> str | None:
    """Delete the alarms of some of the app's machines."""
    names = [stuck_alarm_name(app_name, instance_id) for instance_id in sorted(instance_ids)]
    for start in range(0, len(names), ALARM_BATCH):
        cloudwatch.delete_alarms(AlarmNames=names[start : start + ALARM_BATCH])
    return f"{len(names)} alarm{'s' if len(names) > 1 else ''} deleted" if names else None


def task_definitions(ecs: Any, family: str) -> list[str]:
    """Return the ARNs of the active revisions of exactly that family (the API lists by prefix)."""
    arns = pages(ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
    return [arn for arn in arns if arn.rpartition("/")[2].rpartition(":")[0] == family]


def remove_task_definitions(ecs: Any, family: str) -> str | None:
    """Deregister every active revision of a family."""
    arns = task_definitions(ecs, family)
    for arn in arns:
        ecs.deregister_task_definition(taskDefinition=arn)
    return f"task definition {family} deregistered" if arns else None


def find_launch_template(ec2: Any, name: str, app_name: str) -> str | None:
    """Return the id of the launch template of that name, unless it carries another app's tag."""
    try:
        found = ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"]
    except ClientError as error:
        if error_code(error) == "InvalidLaunchTemplateName.NotFoundException":
            return None
        raise
    for template in found:
        tags = {tag["Key"]: tag["Value"] for tag in template.get("Tags", [])}
        if template["LaunchTemplateName"] == name and tags.get(APP_TAG, app_name) == app_name:
            return template["LaunchTemplateId"]
    return None


def remove_launch_template(ec2: Any, name: str, app_name: str) -> str | None:
    """Delete the launch template of that name."""
    template = find_launch_template(ec2, name, app_name) if name else None
    if template is None:
        return None
    ec2.delete_launch_template(LaunchTemplateId=template)
    return f"launch template {name} deleted"


def remove_queue(sqs: Any, name: str) -> str | None:
    """Delete a queue."""
    try:
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return f"queue {name} deleted"


def messages_left(sqs: Any, name: str) -> int:
    """Return how many messages a queue says it holds; 0 where it is not there."""
    attributes = queue_attributes(sqs, name) or {}
    counts = ("", "NotVisible", "Delayed")
    return sum(int(attributes.get(f"ApproximateNumberOfMessages{count}", 0)) for count in counts)


def find_own_cluster(ecs: Any, cluster: str, app_name: str) -> dict[str, Any] | None:
    """Return the cluster when this app made it and it is not the account's default one."""
    found = ecs.describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"]
    return next((item for item in found if is_own_cluster(item, app_name)), None)


def is_own_cluster(cluster: dict[str, Any], app_name: str) -> bool:
    """Whether a cluster as it is described is this app's own, by its tag, and not the account's default."""
    tags = {tag["key"]: tag["value"] for tag in cluster.get("tags", [])}
    named = cluster["clusterName"] != "default" and cluster["status"] == "ACTIVE"
    return named and tags.get(APP_TAG) == app_name


def there_of(ec2: Any, instance_ids: list[str]) -> set[str]:
    """Return which of some instances are there. A filter takes 200 values (EC2 API reference, Filter)."""
    found: set[str] = set()
    for start in range(0, len(instance_ids), FILTER_VALUES):
        filters = [
            {"Name": "instance-id", "Values": instance_ids[start : start + FILTER_VALUES]},
            {"Name": "instance-state-name", "Values": list(THERE)},
        ]
        for reservation in pages(ec2, "describe_instances", "Reservations", Filters=filters):
            found |= {item["InstanceId"] for item in reservation["Instances"]}
    return found


def deregister_gone(clients: Clients, cluster: str) -> None:
    """Take machines that are gone out of a cluster, where ECS has not seen it itself."""
    joined = read_container_instances(clients.ecs, cluster)
    if not joined:
        return
    for instance_id in joined.keys() - there_of(clients.ec2, sorted(joined)):
        arn = joined[instance_id]["containerInstanceArn"]
        clients.ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)


def remove_cluster(clients: Clients, cluster: str, app_name: str, clock: Clock) -> str | None:
    """Delete the cluster when it is this app's own and nothing is in it; its tasks get two minutes to end."""
    begun = clock.now()
    while found := find_own_cluster(clients.ecs, cluster, app_name):
        deregister_gone(clients, cluster)
        counts = ("activeServices", "registeredContainerInstances", "runningTasks", "pendingTasks")
        used = [count for count in counts if found.get(f"{count}Count")]
        if not used:
            clients.ecs.delete_cluster(cluster=cluster)
            return f"cluster {cluster} deleted"
        if found.get("activeServicesCount") or clock.now() - begun >= TASKS_DEADLINE:
            return f"cluster {cluster} is kept: {', '.join(used)} in it"
        clock.sleep(2)
    return None


def remove_dashboard(cloudwatch: Any, app_name: str) -> str | None:
    """Delete the dashboard of exactly that name."""
    try:
        cloudwatch.delete_dashboards(DashboardNames=[app_name])
    except ClientError as error:
        # None of that name, or another session was quicker: CloudWatch API reference, DeleteDashboards; the
        # second is the shape's name, which its newer protocols give.
        if error_code(error) in {"ResourceNotFound", "DashboardNotFoundError"}:
            return None
        raise
    return f"dashboard {app_name} deleted"


def stop_task(ecs: Any, cluster: str, task: str) -> str | None:
    """Stop a task: its worker gives its job back."""
    ecs.stop_task(cluster=cluster, task=task, reason="taken down")
    return f"task {task.rpartition('/')[2]} stopped"


def stop_tasks(ecs: Any, cluster: str, family: str) -> str | None:
    """Stop the tasks of a family that are still there."""
    tasks = read_tasks(ecs, cluster, family)
    for task in tasks:
        stop_task(ecs, cluster, task.arn)
    return f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} stopped" if tasks else None


def give_jobs_back(clients: Clients, run: RunFacts, clock: Clock) -> str | None:
    """Stop the tasks on the fleet's machines, and wait until their workers have given their jobs back.

    Tasks of another fleet's machines work on. StopTask ends a task that protects itself too: protection
    counts for scale-in and deployments (ECS developer guide, "Task scale-in protection").
    """
    machines = placed(clients.ecs, run.cluster, read_machines(clients.ec2, run))
    places = {machine.container_instance for machine in machines} - {""}
    begun, asked = clock.now(), set[str]()
    while True:
        there = read_tasks(clients.ecs, run.cluster, run.task_family, stopping=True)
        tasks = [task for task in there if task.container_instance in places]
        for task in tasks:
            if task.arn not in asked:
                stop_task(clients.ecs, run.cluster, task.arn)
                asked.add(task.arn)
        if not tasks or clock.now() - begun >= TASKS_DEADLINE:
            break
        clock.sleep(2)
    if not asked:
        return None
    return f"{len(asked)} task{'s' if len(asked) > 1 else ''} stopped; their jobs go back to the queue"


def remove_instance_profile(iam: Any, name: str) -> None:
    """Delete an instance profile, with its role taken out of it."""
    try:
        profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        for role in profile["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return


def remove_role(iam: Any, name: str) -> None:
    """Delete a role, with its policies taken from it."""
    try:
        for policy in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in pages(iam, "list_role_policies", "PolicyNames", RoleName=name):
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        return
