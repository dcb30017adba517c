"""The resources of an app, or of all apps, in the account and region, found only by exact name and tag.

Reports what each costs while it exists. Needs no file and no config.py. A resource without our tag counts as
an app's if its name is exactly the one derived from the app's; another app's tag overrides that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.aws.cluster import is_own_cluster, task_definitions
from distributed_fiji.aws.fleet import live_fleets
from distributed_fiji.aws.machines import app_instances, find_launch_template
from distributed_fiji.aws.tasks import ECS_BATCH, read_tasks
from distributed_fiji.aws.telemetry import read_alarms
from distributed_fiji.aws.unseen import Strict, Unseen
from distributed_fiji.commands.apps import Queues, find_apps, owner, queues_with_tags
from distributed_fiji.commands.leftovers import uploads, volumes
from distributed_fiji.names import janitor_log_group, janitor_name, role_name, stuck_alarm_name
from worker.contract.jobs import APP_TAG, state_key
from worker.contract.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

#: What each kind of resource costs while it exists (AWS price lists, us-east-1), and whether it must be
#: removed to stop that. In the order in which cleanup removes them.
KINDS = {
    "service": ("nothing itself; it starts tasks on machines", True),
    "fleet": ("its machines, and it starts new ones", True),
    "schedule": ("half a cent a day; it calls the janitor every five minutes", True),
    "machine": ("by the second until it is terminated", True),
    "volume": ("$0.08 per GB and month", True),
    "upload": ("$0.023 per GB and month, for parts of unfinished uploads", True),
    "task": ("nothing itself", False),
    "alarm": ("$0.10 a month", True),
    "dashboard": ("$3 a month beyond three dashboards", True),
    "task definition": ("nothing", False),
    "launch template": ("nothing", False),
    "queue": ("nothing while no messages are sent", False),
    "cluster": ("nothing", False),
    "janitor": ("nothing until it is called", False),
    "topic": ("nothing", False),
    "instance profile": ("nothing", False),
    "role": ("nothing", False),
    "log group": ("$0.03 per GB and month; logs are deleted after 60 days", False),
    "results": ("$0.023 per GB and month", False),
}

#: The state of a service that starts nothing.
NO_TASKS = "0 tasks desired"

#: Counts of a cluster that show whether it has services or tasks (ECS API reference, Cluster).
IN_USE = ("activeServicesCount", "runningTasksCount", "pendingTasksCount")

#: Purposes of the roles that setup creates (settings.role_name).
ROLE_PURPOSES = ("instance", "fleet", "task", "janitor")


@dataclass(frozen=True)
class Item:
    """One resource in AWS. `name`: by which it is removed. `place`: the cluster or bucket it is in."""

    kind: str
    name: str
    app: str
    region: str
    state: str = ""
    place: str = ""

    @property
    def costs(self) -> str:
        """What it costs while it exists, in words."""
        return KINDS[self.kind][0]

    @property
    def bills(self) -> bool:
        """Whether it keeps costing money, or causing costs, until it is removed."""
        return KINDS[self.kind][1] and self.state != NO_TASKS


def as_documents(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the items as plain data for JSON."""
    return [asdict(item) | {"costs": item.costs, "bills": item.bills} for item in items]


def listing(items: Iterable[Item]) -> Table:
    """Return a table of the resources and what they cost while they exist."""
    table = Table("app", "kind", box=None, pad_edge=False)
    table.add_column("name", overflow="fold", min_width=26)
    table.add_column("state")
    table.add_column("costs")
    for item in items:
        told = (item.app, item.kind, item.name, item.state, item.costs)
        table.add_row(*(escape(one_line(text)) for text in told))
    return table


Found = Iterator[tuple[str, str, str, str]]


def inventory(clients: Clients, app_name: str | None, unseen: Unseen | None = None) -> list[Item]:
    """Return everything of one app, or with None, of every app named in any tag.

    `unseen` collects what could not be read, each kind separately; without it, such an error is raised.
    """
    unseen = Strict() if unseen is None else unseen
    found = partial(_everything, clients, unseen=unseen)
    if app_name is not None:
        # Look at what costs money first, so that another user's queue cannot prevent finding a fleet.
        return found(app_name, partial(queues_with_tags, clients.sqs, unseen, app_name))
    queues = queues_with_tags(clients.sqs, unseen)
    return [item for app in sorted(find_apps(clients, queues, unseen)) for item in found(app, lambda: queues)]


def _everything(clients: Clients, app: str, queues: Callable[[], Queues], unseen: Unseen) -> list[Item]:
    looks: list[tuple[str, Callable[[], Found]]] = [
        ("fleets", lambda: _fleets(clients, app)),
        ("machines", lambda: _instances(clients, app)),
        ("volumes", lambda: volumes(clients.ec2, app)),
        ("services, tasks and clusters", lambda: _ecs(clients, app, unseen)),
        ("alarms", lambda: _alarms(clients, app)),
        ("the janitor's schedule", lambda: _schedule(clients, app)),
        ("the dashboard", lambda: _dashboard(clients, app)),
        ("the launch template", lambda: _template(clients, app)),
        ("the janitor", lambda: _function(clients, app)),
        ("the janitor's topic", lambda: _topic(clients, app)),
        ("queues", lambda: _queues(queues(), app)),
        ("roles", lambda: _roles(clients.iam, app, clients.region)),
        ("the instance profile", lambda: _profile(clients.iam, app, clients.region)),
    ]
    found = [item for what, look in looks for item in unseen.look(what, look)]
    definition = next(
        iter(unseen.look("the task definition", lambda: [newest_definition(clients.ecs, app)])), {}
    )
    found += unseen.look("log groups", lambda: _logs(clients.logs, app, definition))
    found += unseen.look("results", lambda: _results(clients.s3, app, definition))
    found += unseen.look("uploads", lambda: uploads(clients.s3, app, _environment(definition)))
    items = [Item(kind, name, app, clients.region, state, place) for kind, name, state, place in found]
    return sorted(items, key=lambda item: list(KINDS).index(item.kind))


def _fleets(clients: Clients, app: str) -> Found:
    for fleet in live_fleets(clients.ec2, app):
        yield "fleet", fleet, "", ""


def _instances(clients: Clients, app: str) -> Found:
    for instance in app_instances(clients.ec2, app):
        yield "machine", instance["InstanceId"], instance["State"]["Name"], ""


def _template(clients: Clients, app: str) -> Found:
    name = f"{app}LaunchTemplate"
    if find_launch_template(clients.ec2, name, app):
        yield "launch template", name, "", ""


def _ecs(clients: Clients, app: str, unseen: Unseen) -> Found:
    for cluster in _clusters(clients.ecs):
        what = f"services and tasks of cluster {cluster['clusterName']}"
        yield from unseen.look(what, partial(_in_cluster, clients.ecs, cluster, app))
    family = f"{app}Task"
    if task_definitions(clients.ecs, family):
        yield "task definition", family, "", ""


def _in_cluster(ecs: ECSClient, cluster: Mapping[str, Any], app: str) -> Found:
    name = cluster["clusterName"]
    # There may be many clusters of other people; empty ones need not be examined.
    if any(cluster[count] for count in IN_USE):
        for service in _service(ecs, name, app):
            wanted = service["desiredCount"]
            yield "service", service["serviceName"], f"{wanted} tasks desired" if wanted else NO_TASKS, name
        for task in read_tasks(ecs, name, f"{app}Task"):
            yield "task", task.arn, task.status, name
    if is_own_cluster(cluster, app) and not _used_by_others(ecs, cluster, app):
        yield "cluster", name, "", ""


def _clusters(ecs: ECSClient) -> Iterator[Mapping[str, Any]]:
    """Yield the region's clusters with their tags and counts."""
    arns = list(pages(ecs, "list_clusters", "clusterArns"))
    for start in range(0, len(arns), ECS_BATCH):
        yield from ecs.describe_clusters(clusters=arns[start : start + ECS_BATCH], include=["TAGS"])[
            "clusters"
        ]


def _service(ecs: ECSClient, cluster: str, app: str) -> Iterator[Mapping[str, Any]]:
    found = ecs.describe_services(cluster=cluster, services=[f"{app}Service"], include=["TAGS"])
    for service in found["services"]:
        if service["status"] != "INACTIVE" and owner(service.get("tags", [])) in (None, app):
            yield service


def _used_by_others(ecs: ECSClient, cluster: Mapping[str, Any], app: str) -> bool:
    """Whether services of other apps are in a cluster, which is then not this app's alone."""
    if not cluster["activeServicesCount"]:
        return False
    services = pages(ecs, "list_services", "serviceArns", cluster=cluster["clusterName"])
    return any(arn.rpartition("/")[2] != f"{app}Service" for arn in services)


def _alarms(clients: Clients, app: str) -> Found:
    for instance_id in sorted(read_alarms(clients.cloudwatch, app)):
        yield "alarm", stuck_alarm_name(app, instance_id), "", ""


def _dashboard(clients: Clients, app: str) -> Found:
    boards = pages(clients.cloudwatch, "list_dashboards", "DashboardEntries", DashboardNamePrefix=app)
    if app in [board["DashboardName"] for board in boards]:
        yield "dashboard", app, "", ""


def _schedule(clients: Clients, app: str) -> Found:
    name = janitor_name(app)
    try:
        clients.events.describe_rule(Name=name)
    except clients.events.exceptions.ResourceNotFoundException:
        return
    yield "schedule", name, "", ""


def _function(clients: Clients, app: str) -> Found:
    name = janitor_name(app)
    try:
        tags = clients.awslambda.get_function(FunctionName=name).get("Tags", {})
    except clients.awslambda.exceptions.ResourceNotFoundException:
        return
    if tags.get(APP_TAG, app) == app:
        yield "janitor", name, "", ""


def _topic(clients: Clients, app: str) -> Found:
    for topic in pages(clients.sns, "list_topics", "Topics"):
        if topic["TopicArn"].rpartition(":")[2] == janitor_name(app):
            yield "topic", topic["TopicArn"], "", ""


def _queues(queues: Queues, app: str) -> Found:
    derived = (f"{app}Queue", f"{app}DeadMessages")
    for name, tagged in queues:
        if tagged == app or (tagged is None and name in derived):
            yield "queue", name, "", ""


def _roles(iam: IAMClient, app: str, region: str) -> Found:
    for name in (role_name(app, region, purpose) for purpose in ROLE_PURPOSES):
        try:
            if owner(iam.get_role(RoleName=name)["Role"].get("Tags", [])) in (None, app):
                yield "role", name, "", ""
        except iam.exceptions.NoSuchEntityException:
            continue


def _profile(iam: IAMClient, app: str, region: str) -> Found:
    name = role_name(app, region, "instance")
    try:
        iam.get_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return
    yield "instance profile", name, "", ""


def newest_definition(ecs: ECSClient, app: str) -> Mapping[str, Any]:
    """Return the newest task definition of an app, even a deregistered one; {} if it never had one.

    It names the app's bucket and log groups, so that a name is enough to find them.
    """
    family = f"{app}Task"
    for status in ("ACTIVE", "INACTIVE"):
        arns = pages(
            ecs,
            "list_task_definitions",
            "taskDefinitionArns",
            familyPrefix=family,
            status=status,
            sort="DESC",
        )
        exact = next((arn for arn in arns if arn.rpartition("/")[2].rpartition(":")[0] == family), None)
        if exact:
            return ecs.describe_task_definition(taskDefinition=exact)["taskDefinition"]
    return {}


def _environment(definition: Mapping[str, Any]) -> dict[str, str]:
    containers = definition.get("containerDefinitions", [])
    return {item["name"]: item["value"] for item in containers[0]["environment"]} if containers else {}


def _logs(logs: CloudWatchLogsClient, app: str, definition: Mapping[str, Any]) -> Found:
    base = _environment(definition).get("LOG_GROUP_NAME") or app
    for name in sorted({app, f"{app}_perInstance", base, f"{base}_perInstance", janitor_log_group(app)}):
        groups = pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=name)
        group = next((item for item in groups if item["logGroupName"] == name), None)
        if group is None:
            continue
        arn = group["arn"].removesuffix(":*")
        tags = logs.list_tags_for_resource(resourceArn=arn).get("tags", {})
        if owner([{"Key": key, "Value": value} for key, value in tags.items()]) in (None, app):
            yield "log group", name, f"{group.get('storedBytes', 0)} bytes", ""


def _results(s3: S3Client, app: str, definition: Mapping[str, Any]) -> Found:
    """Yield the run's own state in the bucket. Outputs are the user's, and are never listed for removal."""
    bucket = _environment(definition).get("AWS_BUCKET")
    if not bucket:
        return
    folder = state_key(app, "")
    try:
        if s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1).get("KeyCount"):
            yield "results", folder, "manifests, failure records, logs", bucket
    except s3.exceptions.NoSuchBucket:
        return
