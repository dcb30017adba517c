"""CloudWatch: log groups, the alarm per machine, the dashboard."""

from __future__ import annotations

from typing import Any

from distributed_fiji.aws import documents
from distributed_fiji.changes import Change
from distributed_fiji.settings import Settings
from worker.contract.jobs import APP_TAG

#: Days that logs are kept; CloudWatch takes only listed values (API reference, PutRetentionPolicy).
RETENTION_DAYS = 60


def ensure_log_group(logs: Any, name: str, app_name: str) -> Change:
    """Make a log group with its retention; how long one that is not ours keeps logs is its owner's choice."""
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    current = next((group for group in found if group["logGroupName"] == name), None)
    created = current is None and _create_log_group(logs, name, app_name)
    if not created and not _is_ours(logs, current, app_name):
        return Change("log group", name, "kept")
    kept = current is not None and current.get("retentionInDays") == RETENTION_DAYS
    if not kept:
        logs.put_retention_policy(logGroupName=name, retentionInDays=RETENTION_DAYS)
    return Change.of("log group", name, created=created, changed=not kept, detail="retention")


def _create_log_group(logs: Any, name: str, app_name: str) -> bool:
    """Return whether the group was made; somebody else may just have made it."""
    try:
        logs.create_log_group(logGroupName=name, tags={APP_TAG: app_name})
    except logs.exceptions.ResourceAlreadyExistsException:
        return False
    return True


def _is_ours(logs: Any, group: dict[str, Any] | None, app_name: str) -> bool:
    """Whether a log group carries this app's tag."""
    if group is None:
        return False
    arn = group["arn"].removesuffix(":*")
    return logs.list_tags_for_resource(resourceArn=arn).get("tags", {}).get(APP_TAG) == app_name


def put_stuck_alarm(cloudwatch: Any, app_name: str, instance_id: str, region: str, processors: int) -> None:
    """Make the alarm that ends a machine whose CPU idles; `processors`: how many it has, 0 if unknown."""
    cloudwatch.put_metric_alarm(**documents.stuck_alarm(app_name, instance_id, region, processors))


def put_dashboard(cloudwatch: Any, settings: Settings, fleet_id: str) -> list[str]:
    """Make the run's dashboard; return what CloudWatch finds wrong with it."""
    response = cloudwatch.put_dashboard(
        DashboardName=settings.APP_NAME, DashboardBody=documents.dashboard(settings, fleet_id)
    )
    return [item["Message"] for item in response.get("DashboardValidationMessages", [])]


def remove_stuck_alarms(cloudwatch: Any, app_name: str, instance_ids: set[str]) -> None:
    """Remove the alarms of machines; alarms that are gone are fine. CloudWatch takes 100 a call."""
    names = sorted(documents.stuck_alarm_name(app_name, instance_id) for instance_id in instance_ids)
    for start in range(0, len(names), 100):
        cloudwatch.delete_alarms(AlarmNames=names[start : start + 100])
