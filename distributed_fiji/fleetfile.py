"""Fleet file -> FleetFile: the original's LaunchSpecifications, or a short form with defaults.

Pure, except that it reads the file. What only AWS knows, such as whether a subnet exists, is asked in
commands/resolve.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import read_json

#: API names (EC2 API reference, SpotFleetRequestConfigData).
STRATEGIES = ("priceCapacityOptimized", "capacityOptimized", "capacityOptimizedPrioritized",
              "diversified", "lowestPrice")  # fmt: skip
TYPES = ("maintain", "request")

FRAME_KEYS = ("IamFleetRole", "AllocationStrategy", "Type", "TerminateInstancesWithExpiration",
              "LaunchSpecifications")  # fmt: skip
SHORT_KEYS = ("ImageId", "KeyName", "IamInstanceProfile", "Subnets", "SecurityGroups")
#: Keys that the original overwrites from config.py, as we do.
FROM_CONFIG = ("TargetCapacity", "SpotPrice", "ValidFrom", "ValidUntil", "ClientToken")
SPECIFICATION_KEYS = ("ImageId", "KeyName", "IamInstanceProfile", "BlockDeviceMappings",
                      "NetworkInterfaces", "SubnetId", "SecurityGroups", "InstanceType", "UserData",
                      "EbsOptimized", "Monitoring")  # fmt: skip

#: Keys of a volume in the file that apply to the root volume (EC2 API reference, EbsBlockDevice).
VOLUME_KEYS = ("VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId")

PLACEHOLDER = re.compile(r"X{6,}|subnet-W+|sg-Z+|your_key_file_name|your-key-file")


@dataclass(frozen=True)
class Specification:
    """What the file says about a machine. None, () and {} are defaults to be filled in. `subnets`: ids.

    `volume`: properties of its root volume, in EC2's names; its size is EBS_VOL_SIZE.
    """

    image_id: str | None = None
    key_name: str | None = None
    instance_profile: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    volume: dict[str, Any] = field(default_factory=dict)
    public_ip: bool | None = None
    ebs_optimized: bool | None = None
    monitoring: bool | None = None


@dataclass(frozen=True)
class FleetFile:
    """A checked fleet file. If it has several specifications, they differ in more than the subnet.

    `original`: whether it is in the original's form, whose image and volumes date from 2017.
    """

    specifications: tuple[Specification, ...]
    fleet_role: str | None = None
    strategy: str = "priceCapacityOptimized"
    type: str = "maintain"
    warnings: tuple[str, ...] = ()
    original: bool = False


def read_fleet_file(path: Path) -> FleetFile:
    """Read and check a fleet file. Raises InvalidInput with every problem."""
    return parse_fleet_file(read_json(path), str(path))


def parse_fleet_file(document: Any, source: str) -> FleetFile:
    """Check a fleet file's contents; `source` names it in messages. Raises InvalidInput."""
    if not isinstance(document, dict):
        raise InvalidInput(f"{source} cannot be used", ["it must be a JSON object; {} uses all defaults"])
    parts = {key: value for key, value in document.items() if not key.startswith("_comment")}
    problems = [*_key_problems(parts), *_choice_problems(parts), *_placeholder_problems(parts)]
    if problems:
        raise InvalidInput(f"{source} cannot be used", problems)
    given = parts.get("LaunchSpecifications") or [_short_as_specification(parts)]
    return FleetFile(
        specifications=_merged([_specification(item) for item in given]),
        fleet_role=parts.get("IamFleetRole"),
        strategy=parts.get("AllocationStrategy", "priceCapacityOptimized"),
        type=parts.get("Type", "maintain"),
        warnings=tuple(_warnings(parts)),
        original="LaunchSpecifications" in parts,
    )


def _key_problems(parts: dict[str, Any]) -> list[str]:
    known = {*FRAME_KEYS, *FROM_CONFIG, *SHORT_KEYS}
    problems = [
        f"{key}: unknown fleet key; allowed: {', '.join(sorted(known))}" for key in parts if key not in known
    ]
    given = parts.get("LaunchSpecifications", [])
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        return [*problems, "LaunchSpecifications must be a list of objects"]
    if "LaunchSpecifications" in parts and not given:
        return [*problems, "LaunchSpecifications is empty: leave it out to use all defaults (docs/fleet.md)"]
    if given:
        problems += [f"{key} must be inside LaunchSpecifications" for key in SHORT_KEYS if key in parts]
    for number, item in enumerate(given):
        problems += [
            f"LaunchSpecifications[{number}].{key} is not supported"
            for key in item
            if key not in SPECIFICATION_KEYS and not key.startswith("_comment")
        ]
        problems += _network_problems(item, f"LaunchSpecifications[{number}]")
    return problems


def _network_problems(specification: dict[str, Any], where: str) -> list[str]:
    interfaces = specification.get("NetworkInterfaces", [])
    if not isinstance(interfaces, list) or not all(isinstance(item, dict) for item in interfaces):
        return [f"{where}.NetworkInterfaces must be a list of objects"]
    if len(interfaces) > 1:
        return [f"{where}.NetworkInterfaces: each machine has exactly one network interface"]
    return []


def _choice_problems(parts: dict[str, Any]) -> list[str]:
    problems = []
    for key, allowed in (("AllocationStrategy", STRATEGIES), ("Type", TYPES)):
        if key in parts and parts[key] not in allowed:
            problems.append(f"{key} = {parts[key]!r}: must be one of {', '.join(allowed)}")
    return problems


def _placeholder_problems(value: Any, path: str = "") -> list[str]:
    """Name every text that is still the example's placeholder."""
    if isinstance(value, dict):
        children = [(f"{path}.{key}".lstrip("."), item) for key, item in value.items()]
    elif isinstance(value, list):
        children = [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    elif isinstance(value, str) and PLACEHOLDER.search(value):
        return [f"{path} = {value!r} is still the example's placeholder; replace it or leave it out"]
    else:
        return []
    return [line for where, item in children for line in _placeholder_problems(item, where)]


def _short_as_specification(parts: dict[str, Any]) -> dict[str, Any]:
    return {key: parts[key] for key in SHORT_KEYS if key in parts}


def _specification(item: dict[str, Any]) -> Specification:
    """Read one launch specification. Subnets and groups may be in it or in its network interface."""
    interface = (item.get("NetworkInterfaces") or [{}])[0]
    profile = item.get("IamInstanceProfile")
    subnet_text = interface.get("SubnetId") or item.get("SubnetId") or ""
    groups = interface.get("Groups") or item.get("SecurityGroups") or ()
    return Specification(
        image_id=item.get("ImageId"),
        key_name=(item.get("KeyName") or "").removesuffix(".pem") or None,
        instance_profile=profile.get("Arn") or profile.get("Name") if isinstance(profile, dict) else profile,
        subnets=tuple(item.get("Subnets") or [part.strip() for part in subnet_text.split(",") if part]),
        security_groups=tuple(group["GroupId"] if isinstance(group, dict) else group for group in groups),
        volume=_volume(item.get("BlockDeviceMappings") or []),
        public_ip=interface.get("AssociatePublicIpAddress"),
        ebs_optimized=item.get("EbsOptimized"),
        monitoring=(item.get("Monitoring") or {}).get("Enabled"),
    )


def _volume(devices: list[Any]) -> dict[str, Any]:
    """Return what the file says about the volume that holds containers: its last one, as in the original.

    Today's ECS image keeps containers on its root volume, so all volumes become that one. A snapshot from
    2017 cannot be its root.
    """
    last = devices[-1] if devices else {}
    ebs = last.get("Ebs") if isinstance(last, dict) else None
    return {key: value for key, value in (ebs or {}).items() if key in VOLUME_KEYS}


def _merged(specifications: list[Specification]) -> tuple[Specification, ...]:
    """Combine specifications that differ only in their subnets."""
    merged: list[Specification] = []
    for item in specifications:
        for number, other in enumerate(merged):
            if _with_subnets(item, ()) == _with_subnets(other, ()):
                subnets = tuple(dict.fromkeys((*other.subnets, *item.subnets)))
                merged[number] = _with_subnets(other, subnets)
                break
        else:
            merged.append(item)
    return tuple(merged)


def _with_subnets(specification: Specification, subnets: tuple[str, ...]) -> Specification:
    return Specification(**{**vars(specification), "subnets": subnets})


def _says_volumes(item: dict[str, Any]) -> bool:
    """Whether a specification says more about its volumes than is used."""
    devices = item.get("BlockDeviceMappings") or []
    said = [device.get("Ebs", {}).keys() - set(VOLUME_KEYS) for device in devices if isinstance(device, dict)]
    return len(devices) > 1 or any(keys & {"VolumeSize", "SnapshotId"} for keys in said)


def _warnings(parts: dict[str, Any]) -> list[str]:
    warnings = [f"{key}: ignored, config.py sets it" for key in FROM_CONFIG if key in parts]
    if parts.get("AllocationStrategy") == "lowestPrice":
        warnings.append(
            "AllocationStrategy = 'lowestPrice': AWS advises against it, because the cheapest machines"
            " are interrupted most often; priceCapacityOptimized considers price and capacity"
        )
    if parts.get("TerminateInstancesWithExpiration") is False:
        warnings.append(
            "TerminateInstancesWithExpiration = false is ignored: machines end with the fleet, or they"
            " would keep billing"
        )
    given = parts.get("LaunchSpecifications", [])
    if any("UserData" in item for item in given):
        warnings.append("UserData is replaced: machines use it to join the cluster")
    if any(_says_volumes(item) for item in given):
        warnings.append(
            "BlockDeviceMappings: machines have one volume of EBS_VOL_SIZE, because today's ECS image"
            " keeps containers on its root volume. Other volumes, sizes and snapshots in the fleet file"
            " are ignored"
        )
    if any("InstanceType" in item for item in given):
        warnings.append("InstanceType is replaced by MACHINE_TYPE in config.py")
    return warnings
