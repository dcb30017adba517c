"""Whether tasks fit on machines, disks and into their time limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from distributed_fiji.aws.fleetrequest import is_burstable
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.findings import Finding, doubts, stops
from distributed_fiji.settings import Settings

#: Approximate GiB of a machine's volume for its system, Docker and the worker image.
SYSTEM_GIB = 12
#: A worker holds the inputs of the running job and of the next one.
JOBS_A_TASK = 2


def fit_findings(
    settings: Settings, types: Sequence[MachineType], learned: Mapping[str, int] | None = None
) -> list[Finding]:
    """Return why ECS would never place the tasks: a service that waits for ever with machines that bill.

    `learned`: MiB that ECS registered for machines of earlier runs, by type.
    """
    findings = stops("memory", _too_large(settings, types, learned or {}))
    findings += stops(
        "processors",
        (
            f"CPU_CORES = {settings.CPU_CORES} × TASKS_PER_MACHINE = {settings.TASKS_PER_MACHINE}: a"
            f" {item.name} has only {item.vcpus} processors"
            for item in types
            if item.vcpus < settings.CPU_CORES * settings.TASKS_PER_MACHINE
        ),
    )
    return findings + stops("machine-type", _mixtures(settings, types))


def _too_large(settings: Settings, types: Sequence[MachineType], learned: Mapping[str, int]) -> Iterator[str]:
    needed = settings.TASKS_PER_MACHINE * settings.MEMORY
    for item in types:
        usable = learned.get(item.name, item.usable_mib)
        if needed > usable:
            yield (
                f"MEMORY = {settings.MEMORY} × TASKS_PER_MACHINE = {settings.TASKS_PER_MACHINE} is {needed}"
                f" MiB; a {item.name} has {usable} of {item.memory_mib} MiB for tasks, so some tasks would"
                " never start"
            )


def _mixtures(settings: Settings, types: Sequence[MachineType]) -> Iterator[str]:
    """Return why some types cannot be in a spot fleet, or not together with the others."""
    if len({item.architecture for item in types}) > 1:
        kinds = ", ".join(f"{item.name} is {item.architecture}" for item in types)
        yield f"MACHINE_TYPE mixes architectures ({kinds}): a fleet has one image and one AMI"
    for item in types:
        if not item.spot:
            yield f"MACHINE_TYPE: EC2 does not offer {item.name} as a spot instance"
        if item.name.startswith("a1."):
            # AL2023 needs ARMv8.2 (Amazon Linux 2023 user guide, "System requirements").
            yield f"MACHINE_TYPE: {item.name} cannot run Amazon Linux 2023, ECS's image; use c6g or m6g"
    if settings.TASKS_PER_MACHINE > 1 and len({item.vcpus for item in types}) > 1:
        kinds = ", ".join(f"{item.name} has {item.vcpus}" for item in types)
        yield (
            f"MACHINE_TYPE mixes processors ({kinds}): with TASKS_PER_MACHINE ="
            f" {settings.TASKS_PER_MACHINE} the larger machines would get more tasks and leave others"
            " empty. Use types of one size"
        )
    burstable = [item.name for item in types if is_burstable(item.name)]
    if burstable and len(burstable) < len(types):
        yield (
            f"MACHINE_TYPE mixes burstable types ({', '.join(burstable)}) with others. Burstable types"
            " bill surplus CPU credits unless the fleet's template forbids it, and other types do not"
            " accept that option"
        )


def limit_findings(settings: Settings) -> list[Finding]:
    """Return which time limits in config.py can never take effect."""
    given, lines = settings.model_fields_set, list[str]()
    job, stall = settings.JOB_TIMEOUT_MINUTES, settings.STALL_TIMEOUT_MINUTES
    if "JOB_TIMEOUT_MINUTES" in given and job > settings.MAX_HOURS * 60:
        lines.append(
            f"JOB_TIMEOUT_MINUTES = {job:g}: the fleet ends after MAX_HOURS = {settings.MAX_HOURS:g}, before"
            " a job can reach its limit"
        )
    if "STALL_TIMEOUT_MINUTES" in given and 0 < job <= stall:
        lines.append(
            f"STALL_TIMEOUT_MINUTES = {stall:g}: JOB_TIMEOUT_MINUTES = {job:g} ends each job before it"
            " counts as stalled"
        )
    return doubts("time-limits", lines)


def volume_findings(settings: Settings, largest: int) -> list[Finding]:
    """Report a volume that is too small for its tasks' inputs. `largest`: the most bytes of one job's."""
    if not settings.DOWNLOAD_FILES:
        return []
    gib, room = largest / 2**30, settings.EBS_VOL_SIZE - SYSTEM_GIB
    tasks = settings.TASKS_PER_MACHINE
    if gib * tasks > room:
        return stops(
            "volume",
            [
                f"EBS_VOL_SIZE = {settings.EBS_VOL_SIZE}: about {room} GiB are left beside system and image,"
                f" but the largest job's inputs are {gib:.1f} GiB, and {tasks} tasks run on a machine"
            ],
        )
    if gib * tasks * JOBS_A_TASK > room:
        return doubts(
            "volume",
            [
                f"EBS_VOL_SIZE = {settings.EBS_VOL_SIZE}: each task holds the inputs of two jobs, up to"
                f" {gib * JOBS_A_TASK:.1f} GiB, which leaves little of about {room} GiB for outputs"
            ],
        )
    return []
