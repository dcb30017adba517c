"""What a rehearsal suggests for config.py: memory, machines, time-outs, files, disk. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.settings import Settings
from distributed_fiji.state.rehearsal import RehearsedJob

#: MB in a container besides the running FIJI, for the worker and a FIJI in standby; and the share of the
#: container that a heap may take (worker.host.memory).
BESIDE, HEAP_SHARE, STEP = 600, 3 / 4, 256
LEAST_MEMORY = 1024

#: Dollars per vCPU-hour on demand in us-east-1 (AWS price list), by family: used to compare them, not to
#: calculate costs.
FAMILIES = {
    "x86_64": {"c5": 0.0425, "m5": 0.048, "r5": 0.063},
    "arm64": {"c6g": 0.034, "m6g": 0.0385, "r6g": 0.0504},
}
#: A smaller machine may cost this much more per task, since it is easier to get.
NEAR = 1.15
SIZES = ("large", "xlarge", "2xlarge", "4xlarge")

#: The longest rehearsed job's time is multiplied by this for the limit, which is at least and at most this
#: many minutes.
PATIENCE, LEAST_MINUTES, MOST_MINUTES = 5, 10, 660
#: A volume's parts: system and image (GB); inputs of several jobs, since those of the next come early; and
#: outputs.
SYSTEM_GB, INPUTS, OUTPUTS = 22, 3, 2


@dataclass(frozen=True)
class Suggestion:
    """A value for a setting, and why."""

    name: str
    value: Any
    why: str


def memory_for(fiji_mb: float) -> int:
    """Return the MEMORY with which FIJI's heap alone holds everything that FIJI needs."""
    return max(LEAST_MEMORY, STEP * math.ceil(max(fiji_mb + BESIDE, fiji_mb / HEAP_SHARE) / STEP))


def candidates(types: Sequence[MachineType]) -> list[str]:
    """Return the names of machine types to compare with those in config.py."""
    families = FAMILIES[types[0].architecture if types else "x86_64"]
    return [f"{family}.{size}" for family in families for size in SIZES]


def suggest(
    settings: Settings,
    jobs: Sequence[RehearsedJob],
    fiji_mb: float,
    most_bytes: tuple[int, int],
    files: int,
    types: tuple[Sequence[MachineType], Sequence[MachineType]],
) -> list[Suggestion]:
    """Return what fits jobs like these, all of which were done.

    `fiji_mb`: what FIJI's memory stays below. `most_bytes`: inputs and outputs of the largest job. `files`:
    the fewest that a job wrote. `types`: those of config.py, and others.
    """
    memory = memory_for(fiji_mb)
    in_fiji = sum(job.seconds.get("fiji", 0.0) for job in jobs)
    busy = sum(job.cores * job.seconds.get("fiji", 0.0) for job in jobs)
    cores = max(1.0, busy / in_fiji) if in_fiji else 1.0
    machines = _machines(memory, cores, *types)
    tasks = machines[0].value if machines else settings.TASKS_PER_MACHINE
    return [
        Suggestion("MEMORY", memory, f"FIJI stays below {fiji_mb:.0f} MB; the rest is for the worker"),
        *machines,
        *_times(settings, jobs),
        Suggestion("EXPECTED_NUMBER_FILES", files, "the fewest that a job wrote"),
        _volume(settings, tasks, *most_bytes),
    ]


def _machines(
    memory: int, cores: float, own: Sequence[MachineType], others: Sequence[MachineType]
) -> list[Suggestion]:
    """Return tasks and types.

    config.py's own types stay if they have room for tasks that use half of their vCPUs.
    """

    def tasks_on(item: MachineType) -> int:
        return min(item.usable_mib // memory, max(1, round(item.vcpus / cores)))

    def price(item: MachineType) -> float:
        family = FAMILIES[item.architecture].get(item.name.partition(".")[0], 1.0)
        return family * item.vcpus / tasks_on(item)

    chosen = [item for item in own if tasks_on(item) and 2 * cores * tasks_on(item) >= item.vcpus]
    why = "as it is: tasks fit"
    if not chosen or len(chosen) < len(own):
        fitting = [item for item in others if tasks_on(item)]
        least = min(map(price, fitting), default=0.0)
        near = [item for item in fitting if price(item) <= NEAR * least]
        chosen = chosen or sorted(near, key=lambda item: (item.vcpus, price(item)))[:1]
        why = "the others leave too little memory, or processors idle"
    if not chosen:
        return []
    tasks = min(map(tasks_on, chosen))
    return [
        Suggestion("TASKS_PER_MACHINE", tasks, f"a job uses {cores:.1f} processors"),
        Suggestion("MACHINE_TYPE", [item.name for item in chosen], why),
    ]


def timeout_for(longest: float) -> tuple[int, str]:
    """Return JOB_TIMEOUT_MINUTES for the longest job's seconds, and why."""
    minutes = min(MOST_MINUTES, max(LEAST_MINUTES, math.ceil(PATIENCE * longest / 60)))
    return minutes, f"{PATIENCE} times the longest job, {longest:,.0f} s, and {LEAST_MINUTES} at least"


def _times(settings: Settings, jobs: Sequence[RehearsedJob]) -> list[Suggestion]:
    """Return how long jobs may take and be silent, and when a lost one goes to another worker."""
    seconds = [job.total_seconds for job in jobs]
    minutes, why = timeout_for(max(seconds))
    visibility = min(180, max(60, 30 * math.ceil(median(seconds) / 15)))
    stall = min(settings.STALL_TIMEOUT_MINUTES or minutes, minutes)
    return [
        Suggestion("JOB_TIMEOUT_MINUTES", minutes, why),
        Suggestion("STALL_TIMEOUT_MINUTES", stall, "at most JOB_TIMEOUT_MINUTES"),
        Suggestion("SQS_MESSAGE_VISIBILITY", visibility, f"a job takes about {median(seconds):.0f} s"),
        Suggestion("HEARTBEAT_SECONDS", min(60, visibility // 3), "a third of that at most"),
    ]


def _volume(settings: Settings, tasks: int, input_bytes: int, output_bytes: int) -> Suggestion:
    """Return the disk size: never less than now, since it costs next to nothing."""
    needed = SYSTEM_GB + tasks * (INPUTS * input_bytes + OUTPUTS * output_bytes) / 1e9
    value = max(settings.EBS_VOL_SIZE, round(needed))
    return Suggestion("EBS_VOL_SIZE", value, f"{tasks} × inputs and outputs, {SYSTEM_GB} GB for the image")
