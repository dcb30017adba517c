"""What each command checks before it changes anything; `check` checks all of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distributed_fiji.aws.buckets import check_buckets
from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.cluster import count_machines
from distributed_fiji.aws.fleetrequest import LaunchSpec
from distributed_fiji.aws.machinetypes import MachineType, read_machine_types
from distributed_fiji.aws.network import read_ways_out
from distributed_fiji.aws.ownroles import given_findings
from distributed_fiji.aws.quotas import quota_code, read_quotas, read_running
from distributed_fiji.checks import cloud, fit, parameters, quotas
from distributed_fiji.checks.headless import headless_findings
from distributed_fiji.commands.scripts import Script, locate_script
from distributed_fiji.errors import InvalidInput
from distributed_fiji.findings import Finding, doubts, stops, unknowns, worst_first
from distributed_fiji.local.syntax import find_faults
from distributed_fiji.registry import Answer
from distributed_fiji.settings import Settings
from distributed_fiji.state.registered import read_registered
from distributed_fiji.terminal import Terminal

#: The warning if machines get no public address: without a way out, they join no cluster, but cost money.
WITHOUT_ADDRESS = (
    "ASSIGN_IP = False: machines get no public address, so their subnets need a NAT, or VPC endpoints for"
    " ecs, ecs-agent, ecs-telemetry, sqs, logs and s3 (docs/permissions.md)"
)


@dataclass
class Looked:
    """Findings about the settings, with the script and the machine types if they are known."""

    findings: list[Finding] = field(default_factory=list)
    script: Script | None = None
    types: list[MachineType] | None = None


def settle(what: str, findings: Sequence[Finding], terminal: Terminal) -> None:
    """Warn of findings; raise InvalidInput with all that stop. `what`: the title of that error."""
    ordered = worst_first(findings)
    for one in ordered:
        if one.severity != "stop":
            terminal.warn(one.sentence)
    if problems := [one.sentence for one in ordered if one.severity == "stop"]:
        raise InvalidInput(what, problems)


def look_at_settings(
    settings: Settings,
    clients: Clients,
    folder: Path,
    languages: Collection[str] | None = None,
    *,
    local: bool = False,
) -> Looked:
    """Return findings about settings, machines, buckets, roles and script. Nothing is changed.

    `folder`: the base of a relative SCRIPT_DOWNLOAD_URL. `local`: on the embedded cloud, which has no quotas.
    """
    looked = look_at_machines(settings, clients, local=local)
    looked.findings += check_buckets(settings, clients.s3)
    looked.findings += given_findings(clients.iam, settings)
    looked.script, problems = locate_script(settings, clients.s3, folder, languages)
    looked.findings += stops("script", problems)
    if looked.script:
        looked.findings += script_findings(settings, looked.script)
    if not settings.ASSIGN_IP:
        looked.findings += doubts("network", [WITHOUT_ADDRESS])
    return looked


def script_findings(settings: Settings, script: Script) -> list[Finding]:
    """Return findings about a script alone."""
    where, faults = settings.SCRIPT_DOWNLOAD_URL, find_faults(script.text, script.ending)
    sure = [f"line {one.line}: {one.what}" for one in faults if one.is_sure]
    unsure = [f"line {one.line}: {one.what}" for one in faults if not one.is_sure]
    found = [
        *parameters.header_findings(script.text),
        *stops("syntax", sure),
        *doubts("syntax", dict.fromkeys(unsure)),
        *headless_findings(settings, script.text),
        *(doubts if script.text else unknowns)("script", script.warnings),
    ]
    return [replace(one, field=where, found=f"{where}: {one.found}") for one in found]


def look_at_machines(settings: Settings, clients: Clients, *, local: bool = False) -> Looked:
    """Return findings about the machine types, and the types."""
    looked = Looked([*fit.limit_findings(settings), *quotas.limit_findings(settings)])
    try:
        looked.types, unchecked = read_machine_types(clients.ec2, settings.MACHINE_TYPE)
    except InvalidInput as error:
        looked.findings += stops("machine-type", error.problems)
        return looked
    looked.findings += unknowns("machine-type", unchecked)
    looked.findings += fit.fit_findings(settings, looked.types or [], _learned(settings, clients))
    if looked.types and not local:
        looked.findings += look_at_quotas(settings, clients, looked.types)
    if not local:
        looked.findings += look_at_cluster(settings, clients)
    return looked


def look_at_cluster(settings: Settings, clients: Clients) -> list[Finding]:
    """Return whether the cluster has no room for the fleet."""

    def look() -> list[Finding]:
        return quotas.cluster_findings(settings, count_machines(clients.ecs, settings.ECS_CLUSTER))

    return asked("fleet-limits", "ECS_CLUSTER: how many machines it has", look)


def _learned(settings: Settings, clients: Clients) -> dict[str, int]:
    """Return the memory that ECS registered for machines of earlier runs; empty if it cannot be read."""
    try:
        return read_registered(clients.s3, settings.AWS_BUCKET, settings.APP_NAME)
    except AwsError:
        return {}


def look_at_quotas(settings: Settings, clients: Clients, types: Sequence[MachineType]) -> list[Finding]:
    """Return for how many machines the account's quotas suffice."""
    codes = {quota_code(item.name) for item in types} - {""}

    def look() -> list[Finding]:
        figures = read_quotas(clients, codes)
        return quotas.quota_findings(settings, types, figures, read_running(clients.ec2) if figures else {})

    return asked("spot-quota", "MACHINE_TYPE: the quota of spot processors", look)


def look_at_network(settings: Settings, clients: Clients, machines: Sequence[LaunchSpec]) -> list[Finding]:
    """Return which of a fleet's subnets EC2 refuses, or would keep machines from reaching AWS."""
    subnets = sorted({subnet.subnet_id for machine in machines for subnet in machine.subnets})

    def look() -> list[Finding]:
        ways = read_ways_out(clients.ec2, subnets) if subnets else []
        return cloud.network_findings(settings.DOCKERHUB_TAG, ways, public=settings.ASSIGN_IP)

    return quotas.pool_findings(machines) + asked("network", "Subnets: their way out", look)


def look_at_image(
    settings: Settings, ask_image: Callable[[str], Answer], architecture: str, *, local: bool
) -> tuple[str, list[Finding]]:
    """Return the worker image's digest, '' if unknown, and findings about it."""
    if cloud.is_example(settings) and not local:
        return "", cloud.image_findings(settings, None)
    answer = ask_image(settings.DOCKERHUB_TAG)
    return answer.digest, cloud.image_findings(settings, answer, architecture)


def asked(kind: str, what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """Return the findings of a look at AWS. If it cannot be made, that is `unknown`, and stops nothing."""
    try:
        return look()
    except AwsError as error:
        return unknowns(kind, [f"{what} could not be checked: {error_text(error)}"])
