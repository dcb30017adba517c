"""CloudWatch: log groups, an alarm per machine, the dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws import documents
from distributed_fiji.aws.clients import error_code, pages
from distributed_fiji.changes import Change
from distributed_fiji.names import stuck_alarm_name
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

    from distributed_fiji.settings import Settings

#: Days that logs are kept. CloudWatch accepts only certain values (API reference, PutRetentionPolicy).
RETENTION_DAYS = 60


def ensure_log_group(logs: CloudWatchLogsClient, name: str, app_name: str) -> Change:
    """Create a log group with its retention. A group that is not ours keeps its owner's retention."""
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    current = next((group for group in found if group["logGroupName"] == name), None)
    created = current is None and _create_log_group(logs, name, app_name)
    if not created and not _is_ours(logs, current, app_name):
        return Change("log group", name, "kept")
    kept = current is not None and current.get("retentionInDays") == RETENTION_DAYS
    if not kept:
        logs.put_retention_policy(logGroupName=name, retentionInDays=RETENTION_DAYS)
    return Change.of("log group", name, created=created, changed=not kept, detail="retention")


def _create_log_group(logs: CloudWatchLogsClient, name: str, app_name: str) -> bool:
    """Return whether the group was created; somebody else may just have created it."""
    try:
        logs.create_log_group(logGroupName=name, tags={APP_TAG: app_name})
    except logs.exceptions.ResourceAlreadyExistsException:
        return False
    return True


def _is_ours(logs: CloudWatchLogsClient, group: Mapping[str, Any] | None, app_name: str) -> bool:
    """Whether a log group has this app's tag."""
    if group is None:
        return False
    arn = group["arn"].removesuffix(":*")
    return logs.list_tags_for_resource(resourceArn=arn).get("tags", {}).get(APP_TAG) == app_name


def put_stuck_alarm(
    cloudwatch: CloudWatchClient, app_name: str, instance_id: str, region: str, processors: int
) -> None:
    """Create the alarm that ends a machine with an idle CPU. `processors`: how many it has, 0 if unknown."""
    cloudwatch.put_metric_alarm(**documents.stuck_alarm(app_name, instance_id, region, processors))


def put_dashboard(cloudwatch: CloudWatchClient, settings: Settings, fleet_id: str) -> list[str]:
    """Create the run's dashboard; return CloudWatch's complaints about it."""
    response = cloudwatch.put_dashboard(
        DashboardName=settings.APP_NAME, DashboardBody=documents.dashboard(settings, fleet_id)
    )
    return [item["Message"] for item in response.get("DashboardValidationMessages", [])]


def read_alarms(cloudwatch: CloudWatchClient, app_name: str) -> frozenset[str]:
    """Return the ids of the instances that have an alarm of this app, by its exact name."""
    name = re.compile(rf"{re.escape(app_name)}-stuck-(i-[0-9a-f]+)")
    found = pages(cloudwatch, "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{app_name}-stuck-")
    matches = [name.fullmatch(alarm["AlarmName"]) for alarm in found]
    return frozenset(match[1] for match in matches if match)


#: Alarms per DeleteAlarms (CloudWatch API reference).
ALARM_BATCH = 100


def remove_alarms(cloudwatch: CloudWatchClient, app_name: str, instance_ids: Iterable[str]) -> str | None:
    """Delete the alarms of some of the app's machines; it is fine if they are gone."""
    names = [stuck_alarm_name(app_name, instance_id) for instance_id in sorted(instance_ids)]
    for start in range(0, len(names), ALARM_BATCH):
        cloudwatch.delete_alarms(AlarmNames=names[start : start + ALARM_BATCH])
    return f"{len(names)} alarm{'s' if len(names) > 1 else ''} deleted" if names else None


def remove_dashboard(cloudwatch: CloudWatchClient, app_name: str) -> str | None:
    """Delete the dashboard with exactly that name."""
    try:
        cloudwatch.delete_dashboards(DashboardNames=[app_name])
    except ClientError as error:
        # There is none with that name, or another session was faster (CloudWatch API reference,
        # DeleteDashboards). The second code is the shape's name, which its newer protocols return.
        if error_code(error) in {"ResourceNotFound", "DashboardNotFoundError"}:
            return None
        raise
    return f"dashboard {app_name} deleted"
