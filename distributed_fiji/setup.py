"""`setup`: queues, log groups, roles, cluster, task definition, service with no task; safe to run again."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji import cluster, documents, jobqueue, machinetypes, roles, scripts, telemetry
from distributed_fiji.aws import Clients, error_code
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor import install
from distributed_fiji.runfacts import facts_of
from distributed_fiji.runrecord import record_of
from distributed_fiji.scripts import Script
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal


def setup(
    settings: Settings,
    clients: Clients,
    folder: Path,
    clock: Clock,
    terminal: Terminal,
    languages: Collection[str] | None = None,
) -> list[Change]:
    """Make all that a run needs but machines; return what was created, changed and kept.

    `folder`: what a relative SCRIPT_DOWNLOAD_URL starts from. `languages`: endings of the script languages
    that the run's FIJI has, None where that is not known. Everything is checked before the first
    change; raises InvalidInput.
    """
    script, cpu_units = check(settings, clients, folder, terminal, languages)
    queue_url, changes = jobqueue.ensure_queues(clients.sqs, settings, clock, terminal.note)
    for group in filter(None, (settings.LOG_GROUP_NAME, settings.machine_log_group)):
        changes.append(telemetry.ensure_log_group(clients.logs, group, settings.APP_NAME))
    task_role_arn, role_changes = ensure_roles(clients, settings)
    changes += role_changes
    changes.append(scripts.ensure_script(clients.s3, script))
    environment = documents.worker_environment(settings, queue_url, script.url, script.sha256)
    wanted = documents.task_definition(
        settings, environment, task_role_arn=task_role_arn, cpu_units=cpu_units
    )
    changes.append(cluster.ensure_cluster(clients.ecs, settings, clock))
    definition_arn, change = cluster.ensure_task_definition(clients.ecs, wanted, settings.APP_NAME, clock)
    changes.append(change)
    changes.append(cluster.ensure_service(clients.ecs, settings, definition_arn, clock, terminal.note))
    if settings.AUTO_MONITOR:
        record = record_of(settings, started=0, client_token="", local=False)
        changes += install.prepare(clients, facts_of(record.model_dump()), settings.NOTIFY_EMAIL)[1]
    return changes


def check(
    settings: Settings,
    clients: Clients,
    folder: Path,
    terminal: Terminal,
    languages: Collection[str] | None = None,
) -> tuple[Script, int]:
    """Check all that can be wrong before anything is made; return the script and a task's CPU units."""
    types, warnings = machinetypes.read_machine_types(clients.ec2, settings.MACHINE_TYPE)
    problems = machinetypes.fit_problems(settings, types or [])
    wrong, doubts = check_buckets(settings, clients.s3)
    problems += wrong
    warnings += doubts
    script, wrong = scripts.locate_script(settings, clients.s3, folder, languages)
    problems += wrong
    if problems or script is None:
        raise InvalidInput("config.py cannot be used", problems)
    warnings += [f"{settings.SCRIPT_DOWNLOAD_URL}: {line}" for line in script.warnings]
    for line in warnings:
        terminal.warn(line)
    return script, documents.cpu_units(settings, machinetypes.smallest_vcpus(types))


def check_buckets(settings: Settings, s3: Any) -> tuple[list[str], list[str]]:
    """Return problems and doubts about the buckets.

    AWS_BUCKET must be ours to list, since the run's state is read there; S3 answers 403 for a bucket of
    another account as for one without the permission. The other two only the workers must reach.
    """
    problems, doubts = [], []
    for setting in ("AWS_BUCKET", "SOURCE_BUCKET", "DESTINATION_BUCKET"):
        bucket = getattr(settings, setting)
        if setting != "AWS_BUCKET" and bucket == settings.AWS_BUCKET:
            continue
        code = _head_bucket(s3, bucket)
        if code in ("404", "NoSuchBucket"):
            problems.append(
                f"{setting} = {bucket!r}: there is no such bucket; `aws s3 mb s3://{bucket}` makes it"
            )
        elif code in ("403", "AccessDenied") and setting == "AWS_BUCKET":
            problems.append(
                f"{setting} = {bucket!r}: S3 refuses it (403): it is another account's, or your user lacks"
                " s3:ListBucket on it"
            )
        elif code:
            doubts.append(f"{setting} = {bucket!r} could not be checked: S3 answers {code}")
    return problems, doubts


def _head_bucket(s3: Any, bucket: str) -> str:
    """Return S3's error code for a bucket, '' where there is none."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        return error_code(error)
    return ""


def ensure_roles(clients: Clients, settings: Settings) -> tuple[str, list[Change]]:
    """Make the roles that are missing and the instance profile; return the task role's ARN."""
    arns, changes = {}, []
    for purpose, role in roles.wanted_roles(settings, clients.account).items():
        arns[purpose], change = roles.ensure_role(clients.iam, role, settings.APP_NAME)
        changes.append(change)
        if purpose == "instance":
            changes.append(roles.ensure_instance_profile(clients.iam, role.name, settings.APP_NAME))
    return arns["task"], [*changes, *roles.ensure_service_linked_roles(clients.iam)]
