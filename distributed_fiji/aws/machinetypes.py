"""EC2's data about machine types: processors, memory, architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.errors import InvalidInput

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True)
class MachineType:
    """One EC2 instance type. `architectures` in EC2's terms: x86_64, arm64."""

    name: str
    vcpus: int
    memory_mib: int
    architectures: tuple[str, ...]
    spot: bool = True

    @property
    def usable_mib(self) -> int:
        """The least memory that ECS makes available to tasks.

        The kernel keeps some: a c5.large registers 3,704 of 4,096 MiB, an m5.large 7,680 of 8,192. AWS
        documents no figures; this holds for those that people have published
        (tests/unit/test_machinetypes.py).
        """
        return int(self.memory_mib * 0.95) - 256

    @property
    def architecture(self) -> str:
        return "arm64" if "arm64" in self.architectures else "x86_64"


def read_machine_types(ec2: EC2Client, names: list[Any]) -> tuple[list[MachineType] | None, list[str]]:
    """Return the types, or None with a warning if this account may not ask.

    Raises InvalidInput for types that the region does not offer.
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


def smallest_vcpus(types: list[MachineType] | None) -> int | None:
    """Return the vCPUs of the smallest type, None if the types are unknown."""
    return min(item.vcpus for item in types) if types else None
