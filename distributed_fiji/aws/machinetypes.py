"""What EC2 says of the machine types: processors, memory, architecture. Decides whether tasks fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.fleetrequest import is_burstable
from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True)
class MachineType:
    """One EC2 instance type. `architectures` as EC2 names them: x86_64, arm64."""

    name: str
    vcpus: int
    memory_mib: int
    architectures: tuple[str, ...]
    spot: bool = True

    @property
    def usable_mib(self) -> int:
        """Memory that ECS gives to tasks at least. The kernel keeps some: a c5.large registers 3,704 of 4,096
        MiB, an m5.large 7,680 of 8,192. AWS documents no figures; this holds for those that people have
        published (tests/unit/test_machinetypes.py).
        """
        return int(self.memory_mib * 0.95) - 256

    @property
    def architecture(self) -> str:
        return "arm64" if "arm64" in self.architectures else "x86_64"


def read_machine_types(ec2: EC2Client, names: list[Any]) -> tuple[list[MachineType] | None, list[str]]:
    """Return the types, or None with a warning where this account may not ask.

    Raises InvalidInput for types that the region does not have.
    """
    try:
        response = ec2.describe_instance_types(InstanceTypes=names)
    except ClientError as error:
        code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "InvalidInstanceType":
            raise InvalidInput("config.py cannot be used", [f"MACHINE_TYPE = {names}: {text}"]) from error
        if "Unauthorized" in code or "AccessDenied" in code:
            return None, [f"Memory and processors of {', '.join(names)} were not checked: {text}"]
        raise
    return [_machine_type(item) for item in response["InstanceTypes"]], []


def _machine_type(item: Mapping[str, Any]) -> MachineType:
    return MachineType(
        name=item["InstanceType"],
        vcpus=item["VCpuInfo"]["DefaultVCpus"],
        memory_mib=item["MemoryInfo"]["SizeInMiB"],
        architectures=tuple(item["ProcessorInfo"]["SupportedArchitectures"]),
        spot="spot" in item.get("SupportedUsageClasses", ["spot"]),
    )


def fit_problems(settings: Settings, types: list[MachineType]) -> list[str]:
    """Say why ECS would never place the tasks: a service that waits for ever with machines that bill."""
    needed = settings.TASKS_PER_MACHINE * settings.MEMORY
    problems = [
        f"MEMORY = {settings.MEMORY} × TASKS_PER_MACHINE = {settings.TASKS_PER_MACHINE} is {needed} MiB; a"
        f" {item.name} has {item.usable_mib} of {item.memory_mib} MiB for tasks, so some tasks would never"
        " start"
        for item in types
        if needed > item.usable_mib
    ]
    problems += [
        f"CPU_CORES = {settings.CPU_CORES} × TASKS_PER_MACHINE = {settings.TASKS_PER_MACHINE}: a"
        f" {item.name} has only {item.vcpus} processors"
        for item in types
        if item.vcpus < settings.CPU_CORES * settings.TASKS_PER_MACHINE
    ]
    if len({item.architecture for item in types}) > 1:
        kinds = ", ".join(f"{item.name} is {item.architecture}" for item in types)
        problems.append(f"MACHINE_TYPE mixes architectures ({kinds}): a fleet has one image and one AMI")
    return problems + mixture_problems(settings, types)


def mixture_problems(settings: Settings, types: list[MachineType]) -> list[str]:
    """Return why some types cannot be in a spot fleet, or not in one with the others."""
    problems = [
        f"MACHINE_TYPE: EC2 does not offer {item.name} as a spot instance" for item in types if not item.spot
    ]
    vcpus = {item.vcpus for item in types}
    if settings.TASKS_PER_MACHINE > 1 and len(vcpus) > 1:
        kinds = ", ".join(f"{item.name} has {item.vcpus}" for item in types)
        problems.append(
            f"MACHINE_TYPE mixes processors ({kinds}): with TASKS_PER_MACHINE ="
            f" {settings.TASKS_PER_MACHINE} the larger machines would get more tasks and leave others"
            " empty. Use types of one size"
        )
    burstable = [item.name for item in types if is_burstable(item.name)]
    if burstable and len(burstable) < len(types):
        problems.append(
            f"MACHINE_TYPE mixes burstable types ({', '.join(burstable)}) with others. Burstable types"
            " bill surplus CPU credits unless the fleet's template forbids it, and other types do not"
            " accept that option"
        )
    return problems


def smallest_vcpus(types: list[MachineType] | None) -> int | None:
    """Return the processors of the smallest type, None where the types are not known."""
    return min(item.vcpus for item in types) if types else None
