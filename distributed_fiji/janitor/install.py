"""Install the janitor for a run: role, topic, Lambda and schedule, each created, or updated where it differs.

Safe to run again, and while a janitor is at work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import Clients, error_code
from distributed_fiji.aws.documents import tags
from distributed_fiji.aws.eventually import ROLE_IS_LATE, until_seen
from distributed_fiji.aws.ownroles import settle_role
from distributed_fiji.aws.roles import Role, role_arn
from distributed_fiji.aws.telemetry import ensure_log_group
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.janitor.package import HANDLER, build_package
from distributed_fiji.janitor.policy import janitor_policy
from distributed_fiji.janitor.removal import refuse_failed_entries
from distributed_fiji.names import JANITOR_TARGET, janitor_log_group, janitor_name, role_name
from distributed_fiji.state.openruns import open_run, read_open_runs
from distributed_fiji.state.record import Run
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import TargetTypeDef
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient

log = logging.getLogger(__name__)

#: A Lambda runtime for Python that includes boto3 (Lambda developer guide, "Lambda runtimes").
RUNTIME = "python3.13"

SCHEDULE = "rate(5 minutes)"

#: Most seconds that a round may take: Lambda's limit.
TIMEOUT = 900

#: MiB: a million jobs are counted in less than 300, and processing power grows with memory: 1,769 are one
#: processor (Lambda developer guide, "Configure Lambda function memory").
MEMORY = 1024

#: Attempts to permit the schedule while Lambda is busy, and seconds between them.
PERMIT_TIMES, PERMIT_PAUSE = 5, 3


class NotPermitted(DistributedFijiError):
    """Raised when the schedule may not call the janitor, so that no round would ever come."""


def install_janitor(clients: Clients, record: Run, clock: Clock, email: str = "") -> list[Change]:
    """Register a run as open and install the janitor; return what was created, changed and kept.

    Call it before the fleet is requested, so that there is always something to look after it, and again with
    the fleet's ID: a janitor that was just removing itself is then put back.
    """
    open_run(clients.s3, record)
    role_arn, changes = _ensure_role(clients, record)
    ground, more = prepare(clients, record, role_arn, email)
    function_arn, change = ensure_function(clients.awslambda, record, ground, clock)
    return [*changes, *more, change, ensure_schedule(clients, record.app_name, function_arn, clock)]


@dataclass(frozen=True)
class JanitorResources:
    """What the janitor works with: the ARNs of its role and its topic ('' if nobody is notified).

    `encryption`: PutObject arguments for everything that it writes.
    """

    role_arn: str
    topic_arn: str
    encryption: Mapping[str, str] = field(default_factory=dict)


def wanted_role(clients: Clients, record: Run) -> Role:
    """Return the role that the janitor needs: it must be able to end all open runs of the app."""
    older, _ = read_open_runs(clients.s3, record.bucket, record.app_name, record.region)
    policy = janitor_policy(record, clients.account, *older)
    name = role_name(record.app_name, record.region, "janitor")
    return Role(name, "lambda.amazonaws.com", policy, boundary=record.permissions_boundary)


def _ensure_role(clients: Clients, record: Run) -> tuple[str, list[Change]]:
    if record.janitor_role:
        return role_arn(record.janitor_role, clients.account), []
    arn, change = settle_role(clients.iam, wanted_role(clients, record), record.app_name, log.warning)
    return arn, [change]


def prepare(
    clients: Clients, record: Run, role_arn: str, email: str
) -> tuple[JanitorResources, list[Change]]:
    """Create what costs nothing and stays between runs: the log group and, if there is an address, the topic.

    `email`: whom to notify when the janitor has ended a run; SNS asks its owner to confirm once.
    """
    app = record.app_name
    changes = [ensure_log_group(clients.logs, janitor_log_group(app), app)]
    topic_arn = ""
    if email:
        topic_arn, change = ensure_topic(clients.sns, app, email)
        changes.append(change)
    return JanitorResources(role_arn, topic_arn, record.encryption), changes


def ensure_topic(sns: SNSClient, app_name: str, email: str) -> tuple[str, Change]:
    """Return the topic's ARN. The address is subscribed unless it already is, confirmed or not."""
    name = janitor_name(app_name)
    try:
        arn = sns.create_topic(Name=name, Tags=tags(app_name))["TopicArn"]
    except ClientError as error:
        # "Topic already exists with different tags": an institute's own tags stay (SNS API reference).
        if not error_code(error).startswith("InvalidParameter") or "tags" not in str(error):
            raise
        arn = sns.create_topic(Name=name)["TopicArn"]
    found = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    known = any(item["Endpoint"] == email for item in found)
    if not known:
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=email)
    return arn, Change.of("topic", name, created=False, changed=not known, detail=email)


def ensure_function(
    awslambda: LambdaClient, run: Run, ground: JanitorResources, clock: Clock
) -> tuple[str, Change]:
    """Return the Lambda's ARN. It is created, or its code and configuration are updated where they differ."""
    name, package = janitor_name(run.app_name), build_package()
    configuration: dict[str, Any] = {
        "FunctionName": name,
        "Role": ground.role_arn,
        "Runtime": RUNTIME,
        "Handler": HANDLER,
        "Timeout": TIMEOUT,
        "MemorySize": MEMORY,
        "Environment": {"Variables": handler_environment(run, ground)},
    }
    try:
        current = awslambda.get_function_configuration(FunctionName=name)
    except awslambda.exceptions.ResourceNotFoundException:
        arn = _create_function(awslambda, configuration, package, run.app_name, clock)
        return arn, Change("janitor", name, "created")
    changed = _renew_code(awslambda, current, package)
    if any(current.get(key) != value for key, value in configuration.items()):
        awslambda.get_waiter("function_updated_v2").wait(FunctionName=name)
        until_seen(lambda: awslambda.update_function_configuration(**configuration), ROLE_IS_LATE, clock)
        changed = True
    return current["FunctionArn"], Change.of("janitor", name, created=False, changed=changed)


def handler_environment(run: Run, ground: JanitorResources) -> dict[str, str]:
    """Return the handler's environment; Lambda adds the region and the role's keys."""
    return {
        "APP_NAME": run.app_name,
        "STATE_BUCKET": run.bucket,
        "TOPIC": ground.topic_arn,
        "ENCRYPTION": json.dumps(dict(ground.encryption), sort_keys=True),
    }


def _renew_code(awslambda: LambdaClient, current: Mapping[str, Any], package: bytes) -> bool:
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    if current.get("CodeSha256") == digest:
        return False
    awslambda.update_function_code(FunctionName=current["FunctionName"], ZipFile=package)
    return True


def _create_function(
    awslambda: LambdaClient, configuration: dict[str, Any], package: bytes, app_name: str, clock: Clock
) -> str:
    """Create the Lambda. A role that was only just created cannot be assumed for some seconds."""

    def create() -> str:
        made = awslambda.create_function(**configuration, Code={"ZipFile": package}, Tags={APP_TAG: app_name})
        return made["FunctionArn"]

    return until_seen(create, ROLE_IS_LATE, clock)


def ensure_schedule(clients: Clients, app_name: str, function_arn: str, clock: Clock) -> Change:
    """Call the Lambda every five minutes."""
    name = janitor_name(app_name)
    created = not _has_schedule(clients.events, name)
    arn = clients.events.put_rule(
        Name=name, ScheduleExpression=SCHEDULE, State="ENABLED", Tags=tags(app_name)
    )["RuleArn"]
    targets: list[TargetTypeDef] = [{"Id": JANITOR_TARGET, "Arn": function_arn}]
    refuse_failed_entries(clients.events.put_targets(Rule=name, Targets=targets), "PutTargets")
    _permit(clients.awslambda, name, arn, clock)
    return Change.of("schedule", name, created=created, changed=False, detail=SCHEDULE)


def _has_schedule(events: EventBridgeClient, name: str) -> bool:
    try:
        events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return False
    return True


def _permit(awslambda: LambdaClient, name: str, rule_arn: str, clock: Clock) -> None:
    """Allow the schedule, and nothing else, to call the Lambda.

    ResourceConflictException means that it is allowed already, or that the Lambda is still being created or
    updated (Lambda API reference, AddPermission), so its policy is read.
    """
    awslambda.get_waiter("function_active_v2").wait(FunctionName=name)
    awslambda.get_waiter("function_updated_v2").wait(FunctionName=name)
    for _ in range(PERMIT_TIMES):
        try:
            awslambda.add_permission(
                FunctionName=name,
                StatementId=JANITOR_TARGET,
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule_arn,
            )
        except awslambda.exceptions.ResourceConflictException:
            if _is_permitted(awslambda, name):
                return
            clock.sleep(PERMIT_PAUSE)
        else:
            return
    raise NotPermitted(f"The schedule {name} may not call the janitor: Lambda reports that it is busy.")


def _is_permitted(awslambda: LambdaClient, name: str) -> bool:
    try:
        policy = json.loads(awslambda.get_policy(FunctionName=name)["Policy"])
    except awslambda.exceptions.ResourceNotFoundException:
        return False
    return any(statement.get("Sid") == JANITOR_TARGET for statement in policy["Statement"])
