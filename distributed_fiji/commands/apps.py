"""The apps in the account and region, found by the tag on all of their resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError, Clients, pages
from distributed_fiji.aws.refusals import is_denied
from distributed_fiji.aws.unseen import Unseen
from distributed_fiji.names import ALARM_NAME, ROLE_NAME, is_janitor
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

THREADS = 16


#: Queues by name, each with the app in its tag, or None.
Queues = list[tuple[str, "str | None"]]


def owner(tags: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the app that tags name, in EC2's or ECS's casing; None if there is none."""
    for tag in tags:
        if tag.get("Key", tag.get("key")) == APP_TAG:
            app: str | None = tag.get("Value", tag.get("value"))
            return app
    return None


def find_apps(clients: Clients, queues: Queues, unseen: Unseen) -> set[str]:
    """Return the names of all apps that have resources. `queues`: from queues_with_tags."""
    looks = {
        "the tags of fleets and machines": _on_machines,
        "the tags of clusters and services": _on_clusters,
        "the tags of roles": _on_roles,
        "the tags of janitors": _on_janitors,
    }
    owners = (
        owner(tags) for what, find in looks.items() for tags in unseen.look(what, partial(find, clients))
    )
    named = {app for app in owners if app}
    alarms = unseen.look("alarms", lambda: pages(clients.cloudwatch, "describe_alarms", "MetricAlarms"))
    matches = (ALARM_NAME.fullmatch(alarm["AlarmName"]) for alarm in alarms)
    sending = {app for _, app in queues if app}
    return named | sending | {match[1] for match in matches if match}


Tags = Iterator[Sequence[Mapping[str, Any]]]


def _on_machines(clients: Clients) -> Tags:
    ec2 = clients.ec2
    for fleet in pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        if fleet["SpotFleetRequestState"] not in ("cancelled", "failed", "cancelled_terminating"):
            yield fleet.get("Tags", [])
    there = [
        {"Name": "tag-key", "Values": [APP_TAG]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    for reservation in pages(ec2, "describe_instances", "Reservations", Filters=there):
        for instance in reservation["Instances"]:
            yield instance.get("Tags", [])
    for template in pages(ec2, "describe_launch_templates", "LaunchTemplates"):
        yield template.get("Tags", [])


def _on_clusters(clients: Clients) -> Tags:
    ecs = clients.ecs
    for arn in pages(ecs, "list_clusters", "clusterArns"):
        for cluster in ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"]:
            yield cluster.get("tags", [])
        services = list(pages(ecs, "list_services", "serviceArns", cluster=arn))
        for start in range(0, len(services), 10):
            ten = services[start : start + 10]
            for service in ecs.describe_services(cluster=arn, services=ten, include=["TAGS"])["services"]:
                yield service.get("tags", [])


def _on_roles(clients: Clients) -> Tags:
    """IAM has no regions. So only roles with this region in their names count, by tag."""
    for role in pages(clients.iam, "list_roles", "Roles"):
        if ROLE_NAME.fullmatch(role["RoleName"]) and f"-{clients.region}-fiji-" in role["RoleName"]:
            yield clients.iam.list_role_tags(RoleName=role["RoleName"])["Tags"]


def _on_janitors(clients: Clients) -> Tags:
    """Their schedule makes calls, and costs money, even if the rest of an app is gone."""
    for rule in pages(clients.events, "list_rules", "Rules"):
        if is_janitor(rule["Name"]):
            yield clients.events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    for function in pages(clients.awslambda, "list_functions", "Functions"):
        if is_janitor(function["FunctionName"]):
            tags = clients.awslambda.list_tags(Resource=function["FunctionArn"])["Tags"]
            yield [{"Key": key, "Value": value} for key, value in tags.items()]


def queues_with_tags(sqs: SQSClient, unseen: Unseen, app: str = "") -> Queues:
    """Return the name of every queue, and the app in its tag, or None.

    A queue whose tags may not be read is left out, since it may be another app's. `app`: report such queues
    only if their names are those of this app; '' for all apps.
    """
    urls = unseen.look(
        "the list of queues",
        lambda: pages(sqs, "list_queues", "QueueUrls", PaginationConfig={"PageSize": 1000}),
    )

    def read(url: str) -> tuple[str, str | None] | None:
        name = url.rpartition("/")[2]
        try:
            tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        except sqs.exceptions.QueueDoesNotExist:
            # A deleted queue stays in the listing for a minute.
            return None
        except AwsError as error:
            if not app or name in (f"{app}Queue", f"{app}DeadMessages") or not is_denied(error):
                unseen.note("the tags of some queues", error)
            return None
        return name, tags.get(APP_TAG)

    with ThreadPoolExecutor(THREADS) as pool:
        return [found for found in pool.map(read, urls) if found]
