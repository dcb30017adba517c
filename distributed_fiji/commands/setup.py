"""`setup`: queues, log groups, roles, cluster, task definition, service without tasks; safe to rerun."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from distributed_fiji.aws import cluster, documents, machinetypes, queues, roles, telemetry
from distributed_fiji.aws.buckets import write_problems
from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.ownroles import ensure_roles
from distributed_fiji.changes import Change
from distributed_fiji.clock import Clock
from distributed_fiji.commands import scripts
from distributed_fiji.commands.findings import look_at_settings, settle
from distributed_fiji.commands.scripts import Script
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor import install
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.terminal import Terminal

UNUSABLE = "config.py cannot be used"


def setup(
    settings: Settings,
    clients: Clients,
    folder: Path,
    clock: Clock,
    terminal: Terminal,
    languages: Collection[str] | None = None,
    *,
    local: bool = False,
) -> list[Change]:
    """Create everything that a run needs except machines; return what was created, changed and kept.

    `folder`: the base of a relative SCRIPT_DOWNLOAD_URL. `languages`: endings of the script languages that
    the run's FIJI has, None if unknown. `local`: on the embedded cloud. Everything is checked before the
    first change; raises InvalidInput.
    """
    script, cpu_units = check(settings, clients, folder, terminal, languages, local=local)
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
    *,
    local: bool = False,
) -> tuple[Script, int]:
    """Check everything before creating anything; return the script and a task's CPU units."""
    looked = look_at_settings(settings, clients, folder, languages, local=local)
    settle(UNUSABLE, looked.findings, terminal)
    if problems := write_problems(clients.s3, settings):
        raise InvalidInput(UNUSABLE, problems)
    assert looked.script is not None
    return looked.script, documents.cpu_units(settings, machinetypes.smallest_vcpus(looked.types))


def make_roles(
    clients: Clients, settings: Settings, record: Run, warn: Callable[[str], None]
) -> tuple[dict[str, str], list[Change]]:
    """Create missing roles first, so that missing permissions are reported before anything else is done.

    Return their ARNs by purpose. Raises RolesDenied.
    """
    wanted = roles.wanted_roles(settings, clients.account)
    if settings.AUTO_MONITOR:
        wanted["janitor"] = install.wanted_role(clients, record)
    arns, changes = ensure_roles(clients, settings, wanted, warn)
    return arns, [*changes, *roles.ensure_service_linked_roles(clients.iam, warn)]
