"""Whether the account's quotas, and the limits of EC2 and ECS, leave room for the fleet. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from distributed_fiji.aws.fleetrequest import LaunchSpec
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.aws.quotas import quota_code
from distributed_fiji.findings import Finding, Severity, stops
from distributed_fiji.settings import Settings

CONSOLE = "https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{code}"

#: Tasks per service and container instances per cluster (ECS developer guide, "Amazon ECS service quotas"),
#: and pools per fleet (EC2 user guide, "Fleet quotas").
MOST_TASKS, MOST_PLACES, MOST_POOLS = 5_000, 5_000, 300


def quota_findings(
    settings: Settings, types: Sequence[MachineType], quotas: Mapping[str, float], running: Mapping[str, int]
) -> list[Finding]:
    """Return for how many machines the quotas suffice. The fleet may take any of its types."""
    by_code: dict[str, list[MachineType]] = {}
    for item in types:
        by_code.setdefault(quota_code(item.name), []).append(item)
    free = {code: quotas[code] - running.get(code, 0) for code in by_code if code in quotas}
    if not free or len(free) < len(by_code):
        return [_unknown(settings, by_code, quotas)] if types else []
    machines = sum(max(0, int(free[code] // min(one.vcpus for one in by_code[code]))) for code in free)
    if machines >= settings.CLUSTER_MACHINES:
        return []
    code = min(free, key=lambda one: free[one])
    smallest = min(by_code[code], key=lambda one: one.vcpus)
    runs = f", of which {running[code]} run" if running.get(code) else ""
    found = (
        f"MACHINE_TYPE: {settings.CLUSTER_MACHINES:,} × {smallest.name} want"
        f" {settings.CLUSTER_MACHINES * smallest.vcpus:,} vCPU, this account has {quotas[code]:,.0f}{runs}:"
        f" {machines:,} machine{'s' * (machines != 1)}"
    )
    link = CONSOLE.format(region=settings.AWS_REGION, code=code)
    wanted = f"{settings.CLUSTER_MACHINES * smallest.vcpus:,} vCPU"
    severity: Severity = "warn" if machines else "stop"
    return [Finding("spot-quota", severity, "MACHINE_TYPE", found, wanted, f"Ask for a larger quota: {link}")]


def _unknown(settings: Settings, by_code: Mapping[str, object], quotas: Mapping[str, float]) -> Finding:
    code = next(code for code in by_code if code not in quotas)
    link = CONSOLE.format(region=settings.AWS_REGION, code=code).rstrip("/")
    line = f"MACHINE_TYPE: AWS names no spot quota for {', '.join(settings.MACHINE_TYPE)}"
    return Finding("spot-quota", "unknown", "MACHINE_TYPE", line, "", f"See {link}")


def limit_findings(settings: Settings) -> list[Finding]:
    """Return whether the fleet wants more tasks than a service of ECS may have."""
    if settings.tasks <= MOST_TASKS:
        return []
    found = (
        f"TASKS_PER_MACHINE = {settings.TASKS_PER_MACHINE} × CLUSTER_MACHINES ="
        f" {settings.CLUSTER_MACHINES} is {settings.tasks:,} tasks; a service of ECS has"
        f" {MOST_TASKS:,} at most"
    )
    return [_smaller("TASKS_PER_MACHINE", found, MOST_TASKS // settings.TASKS_PER_MACHINE)]


def cluster_findings(settings: Settings, registered: int) -> list[Finding]:
    """Return whether the cluster has no room for the fleet. `registered`: machines that it has already."""
    room = MOST_PLACES - registered
    if room >= settings.CLUSTER_MACHINES:
        return []
    found = (
        f"ECS_CLUSTER = {settings.ECS_CLUSTER!r} has {registered:,} machines, and CLUSTER_MACHINES ="
        f" {settings.CLUSTER_MACHINES} more are too many; a cluster of ECS has {MOST_PLACES:,} at most"
    )
    return [_smaller("ECS_CLUSTER", found, max(0, room), ", or choose another ECS_CLUSTER")]


def _smaller(field: str, found: str, machines: int, otherwise: str = "") -> Finding:
    then = f"Lower CLUSTER_MACHINES to {machines:,}{otherwise}"
    return Finding("fleet-limits", "stop", field, found, next=then)


def pool_findings(machines: Sequence[LaunchSpec]) -> list[Finding]:
    """Return which of a fleet's subnets EC2 refuses.

    Two in one zone are the same pool twice: "duplicate instance pools" (aws-samples/aws-plugin-for-slurm#19).
    """
    return stops("fleet-limits", _pool_lines(machines))


def _pool_lines(machines: Sequence[LaunchSpec]) -> Iterator[str]:
    pools = {pool for machine in machines for pool in machine.pools}
    if len(pools) > MOST_POOLS:
        yield f"Subnets: {len(pools)} pools of machine types and subnets; a fleet has {MOST_POOLS} at most"
    zones = Counter(subnet.zone for machine in machines for subnet in machine.subnets)
    for zone in sorted(zone for zone, count in zones.items() if count > 1 and zone):
        named = [one.subnet_id for machine in machines for one in machine.subnets if one.zone == zone]
        if len(set(named)) > 1:
            both = ", ".join(sorted(set(named)))
            yield f"Subnets: {both} are in one zone, {zone}; EC2 takes one subnet a zone"
