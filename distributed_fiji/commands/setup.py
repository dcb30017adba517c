"""`setup`: queues, log groups, roles, cluster, task definition, service with no task; safe to run again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from distributed_fiji.aws import cluster, documents, machinetypes, queues, roles, telemetry
from distributed_fiji.aws.buckets import check_buckets, write_problems
from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.ownroles import ensure_roles, given_problems
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.commands import scripts
from distributed_fiji.commands.scripts import Script
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor import install
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.terminal import Terminal

#: What is said where machines get no public address: without a way out they join no cluster, and cost.
WITHOUT_ADDRESS = (
    "ASSIGN_IP = False: machines get no public address, so their subnets need a NAT, or VPC endpoints for"
    " ecs, ecs-agent, ecs-telemetry, sqs, logs and s3 (docs/permissions.md)"
)


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
    record = new_run(settings, started=0, run_id="", local=False)
    arns, role_changes = make_roles(clients, settings, record, terminal.warn)
    queue_url, changes = queues.ensure_queues(clients.sqs, settings, clock, terminal.note)
    for group in filter(None, (settings.LOG_GROUP_NAME, settings.machine_log_group)):
        changes.append(telemetry.ensure_log_group(clients.logs, group, settings.APP_NAME))
    changes += role_changes
    changes.append(scripts.ensure_script(clients.s3, script))
    environment = documents.worker_environment(settings, queue_url, script.url, script.sha256)
    wanted = documents.task_definition(settings, environment, task_role_arn=arns["task"], cpu_units=cpu_units)
    changes.append(cluster.ensure_cluster(clients.ecs, settings, clock))
    definition_arn, change = cluster.ensure_task_definition(clients.ecs, wanted, settings.APP_NAME, clock)
    changes.append(change)
    changes.append(cluster.ensure_service(clients.ecs, settings, definition_arn, clock, terminal.note))
    if settings.AUTO_MONITOR:
        changes += install.prepare(clients, record, arns["janitor"], settings.NOTIFY_EMAIL)[1]
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
    problems += given_problems(clients.iam, settings)
    warnings += doubts
    script, wrong = scripts.locate_script(settings, clients.s3, folder, languages)
    problems += wrong
    problems = problems or write_problems(clients.s3, settings)
    if problems or script is None:
        raise InvalidInput("config.py cannot be used", problems)
    warnings += [f"{settings.SCRIPT_DOWNLOAD_URL}: {line}" for line in script.warnings]
    warnings += [] if settings.ASSIGN_IP else [WITHOUT_ADDRESS]
    for line in warnings:
        terminal.warn(line)
    return script, documents.cpu_units(settings, machinetypes.smallest_vcpus(types))


def make_roles(
    clients: Clients, settings: Settings, record: Run, warn: Callable[[str], None]
) -> tuple[dict[str, str], list[Change]]:
    """Make the roles that are missing, first of all: what may not be made is said before anything else is.

    Returns their ARNs by purpose. Raises RolesDenied.
    """
    wanted = roles.wanted_roles(settings, clients.account)
    if settings.AUTO_MONITOR:
        wanted["janitor"] = install.wanted_role(clients, record)
    arns, changes = ensure_roles(clients, settings, wanted, warn)
    return arns, [*changes, *roles.ensure_service_linked_roles(clients.iam, warn)]
