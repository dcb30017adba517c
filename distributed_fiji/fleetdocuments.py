"""Documents of the fleet as pure functions: launch template, launch specifications, spot fleet request."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from distributed_fiji.documents import tags, user_data
from distributed_fiji.fleetfile import Specification
from distributed_fiji.settings import Settings

BURSTABLE = re.compile(r"t\d+[a-z]*\.")


def is_burstable(machine_type: str) -> bool:
    """Whether a type earns CPU credits (EC2 user guide, "Burstable performance instances").

    Left to themselves they start as `unlimited` and bill surplus credits, which no limit of a fleet counts.
    """
    return BURSTABLE.match(machine_type) is not None


@dataclass(frozen=True)
class Machine:
    """A specification with everything found: what the file left open is filled in."""

    specification: Specification
    image_id: str
    root_device: str
    root_gb: int
    instance_profile: str
    subnets: tuple[str, ...]


def launch_template(settings: Settings, machine: Machine) -> dict[str, Any]:
    """Return LaunchTemplateData: IMDSv2 required, two hops so that containers reach it."""
    data = _common(settings, machine)
    data["MetadataOptions"] = {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
    }
    if any(is_burstable(name) for name in settings.MACHINE_TYPE):
        data["CreditSpecification"] = {"CpuCredits": "standard"}
    specification = machine.specification
    if _public_ip(settings, specification) is None:
        if specification.security_groups:
            data["SecurityGroupIds"] = list(specification.security_groups)
    else:
        data["NetworkInterfaces"] = [_interface(settings, specification)]
    data["TagSpecifications"] = [
        {"ResourceType": kind, "Tags": _instance_tags(settings)} for kind in ("instance", "volume")
    ]
    return data


def launch_specifications(settings: Settings, machines: list[Machine]) -> list[dict[str, Any]]:
    """Return a launch specification per machine type and subnet, where one template cannot say it all."""
    specifications = []
    for machine in machines:
        for machine_type in settings.MACHINE_TYPE:
            for subnet in machine.subnets:
                interface = _interface(settings, machine.specification) | {"SubnetId": subnet}
                specifications.append(
                    _common(settings, machine)
                    | {
                        "InstanceType": machine_type,
                        "NetworkInterfaces": [interface],
                        "TagSpecifications": [{"ResourceType": "instance", "Tags": _instance_tags(settings)}],
                    }
                )
    return specifications


def overrides(settings: Settings, machine: Machine) -> list[dict[str, Any]]:
    """Return a launch template override per machine type and subnet."""
    return [
        {"InstanceType": machine_type, "SubnetId": subnet}
        for machine_type in settings.MACHINE_TYPE
        for subnet in machine.subnets
    ]


@dataclass(frozen=True)
class Frame:
    """What a spot fleet request says besides its machines. `valid_until`: ISO 8601, UTC."""

    fleet_role_arn: str
    strategy: str
    type: str
    valid_until: str
    client_token: str


def fleet_request(settings: Settings, frame: Frame, machines: dict[str, Any]) -> dict[str, Any]:
    """Return SpotFleetRequestConfig; `machines` holds LaunchTemplateConfigs or LaunchSpecifications."""
    return {
        "IamFleetRole": frame.fleet_role_arn,
        "AllocationStrategy": frame.strategy,
        "Type": frame.type,
        "TargetCapacity": settings.CLUSTER_MACHINES,
        "SpotPrice": f"{settings.MACHINE_PRICE:.4f}",
        "SpotMaxTotalPrice": f"{hourly_limit(settings):.4f}",
        "ValidUntil": frame.valid_until,
        "TerminateInstancesWithExpiration": True,
        "InstanceInterruptionBehavior": "terminate",
        "ClientToken": frame.client_token,
        "TagSpecifications": [{"ResourceType": "spot-fleet-request", "Tags": tags(settings.APP_NAME)}],
        **machines,
    }


def hourly_limit(settings: Settings) -> float:
    """Return the most that all machines together may cost in an hour, in dollars; EC2 starts none above it.

    It is no limit of the whole cost (EC2 API reference, SpotFleetRequestConfigData): that is ValidUntil. One
    machine may start in any case: MAX_COST can be less than it costs in an hour, and pay for minutes of it.
    """
    all_machines = settings.CLUSTER_MACHINES * settings.MACHINE_PRICE
    if not settings.MAX_COST:
        return all_machines
    return min(all_machines, max(settings.MAX_COST, settings.MACHINE_PRICE))


def _common(settings: Settings, machine: Machine) -> dict[str, Any]:
    specification = machine.specification
    profile = machine.instance_profile
    data: dict[str, Any] = {
        "ImageId": machine.image_id,
        "IamInstanceProfile": {"Arn": profile} if profile.startswith("arn:") else {"Name": profile},
        "UserData": base64.b64encode(user_data(settings.ECS_CLUSTER, settings.APP_NAME).encode()).decode(),
        "BlockDeviceMappings": block_devices(machine, settings.EBS_VOL_SIZE),
    }
    key_name = specification.key_name or settings.SSH_KEY_NAME
    if key_name:
        data["KeyName"] = key_name
    if specification.ebs_optimized is not None:
        data["EbsOptimized"] = specification.ebs_optimized
    if specification.monitoring is not None:
        data["Monitoring"] = {"Enabled": specification.monitoring}
    return data


def block_devices(machine: Machine, volume_gb: int) -> list[dict[str, Any]]:
    """Return the volumes: the file's, its second one of EBS_VOL_SIZE as the original has it, or the root.

    Today's ECS image keeps containers on its root volume, which cannot be smaller than its snapshot.
    """
    given = [dict(device) for device in machine.specification.block_devices]
    if len(given) > 1:
        given[1]["Ebs"] = given[1].get("Ebs", {}) | {"VolumeSize": volume_gb}
        return given
    root: dict[str, Any] = {"DeviceName": machine.root_device, "Ebs": {"VolumeType": "gp3"}}
    device = given[0] if given else root
    volume = device.get("Ebs", {}) | {
        "VolumeSize": max(volume_gb, machine.root_gb),
        "DeleteOnTermination": True,
    }
    return [device | {"Ebs": volume}]


def _public_ip(settings: Settings, specification: Specification) -> bool | None:
    """ASSIGN_IP = False overrules the file; None leaves it to the subnet."""
    return specification.public_ip if settings.ASSIGN_IP else False


def _interface(settings: Settings, specification: Specification) -> dict[str, Any]:
    interface: dict[str, Any] = {"DeviceIndex": 0, "DeleteOnTermination": True}
    public_ip = _public_ip(settings, specification)
    if public_ip is not None:
        interface["AssociatePublicIpAddress"] = public_ip
    if specification.security_groups:
        interface["Groups"] = list(specification.security_groups)
    return interface


def _instance_tags(settings: Settings) -> list[dict[str, str]]:
    return [*tags(settings.APP_NAME), {"Key": "Name", "Value": settings.APP_NAME}]
