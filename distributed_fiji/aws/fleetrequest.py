"""The fleet's documents as pure functions: launch templates and the spot fleet request."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distributed_fiji.aws.documents import tags, user_data
from distributed_fiji.fleetfile import Specification
from distributed_fiji.settings import Settings
from worker.contract.jobs import RUN_TAG

BURSTABLE = re.compile(r"t\d+[a-z]*\.")


def is_burstable(machine_type: str) -> bool:
    """Whether a type earns CPU credits (EC2 user guide, "Burstable performance instances").

    By default, they start as `unlimited` and bill surplus credits, which no limit of a fleet includes.
    """
    return BURSTABLE.match(machine_type) is not None


@dataclass(frozen=True)
class Subnet:
    """A subnet where machines may start. `public`: it assigns public addresses by default."""

    subnet_id: str
    zone: str = ""
    public: bool = True


@dataclass(frozen=True)
class LaunchSpec:
    """A specification with all defaults filled in.

    `pools`: the machine types and subnets in which it can start.
    """

    specification: Specification
    image_id: str
    root_device: str
    root_gb: int
    instance_profile: str
    pools: tuple[tuple[str, Subnet], ...]

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        return tuple(dict.fromkeys(subnet for _, subnet in self.pools))


def launch_templates(
    settings: Settings, machine: LaunchSpec
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return a machine's launch templates, each as LaunchTemplateData with its overrides.

    A network interface says whether there is a public address, and RunInstances refuses an interface together
    with a subnet (aws/aws-parallelcluster#4521; CreateFleet accepts both, and it is not known whether spot
    fleets do). In that case, each subnet has its own template, whose interface names the subnet.
    """
    public_ip = _public_ip(settings, machine)
    if public_ip is None:
        data = _template(settings, machine)
        if machine.specification.security_groups:
            data["SecurityGroupIds"] = list(machine.specification.security_groups)
        pools = machine.pools
        return [(data, [{"InstanceType": kind, "SubnetId": subnet.subnet_id} for kind, subnet in pools])]
    return [
        (
            _template(settings, machine)
            | {"NetworkInterfaces": [_interface(machine.specification, subnet, public_ip)]},
            [{"InstanceType": kind} for kind, place in machine.pools if place == subnet],
        )
        for subnet in machine.subnets
    ]


def _template(settings: Settings, machine: LaunchSpec) -> dict[str, Any]:
    """Return LaunchTemplateData without a network: IMDSv2 required, two hops so that containers reach it."""
    data = _common(settings, machine)
    data["MetadataOptions"] = {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
    }
    if any(is_burstable(name) for name in settings.MACHINE_TYPE):
        data["CreditSpecification"] = {"CpuCredits": "standard"}
    data["TagSpecifications"] = [
        {"ResourceType": kind, "Tags": _instance_tags(settings)} for kind in ("instance", "volume")
    ]
    return data


@dataclass(frozen=True)
class RequestTerms:
    """The parts of a spot fleet request that do not concern its machines. `valid_until`: ISO 8601, UTC."""

    fleet_role_arn: str
    strategy: str
    type: str
    valid_until: str
    client_token: str


def fleet_request(settings: Settings, frame: RequestTerms, machines: Mapping[str, Any]) -> dict[str, Any]:
    """Return SpotFleetRequestConfig. `machines` holds LaunchTemplateConfigs."""
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
        # It is not documented whether DescribeSpotFleetRequests shows the ClientToken; it does show tags.
        "TagSpecifications": [
            {
                "ResourceType": "spot-fleet-request",
                "Tags": [*tags(settings.APP_NAME), {"Key": RUN_TAG, "Value": frame.client_token}],
            }
        ],
        **machines,
    }


def hourly_limit(settings: Settings) -> float:
    """Return the most that all machines together may cost per hour, in dollars; EC2 starts none above that.

    It does not limit the total cost (EC2 API reference, SpotFleetRequestConfigData); ValidUntil does. One
    machine may always start: MAX_COST may be less than its hourly price, and still pay for minutes of it.
    """
    all_machines = settings.CLUSTER_MACHINES * settings.MACHINE_PRICE
    if not settings.MAX_COST:
        return all_machines
    return min(all_machines, max(settings.MAX_COST, settings.MACHINE_PRICE))


def _common(settings: Settings, machine: LaunchSpec) -> dict[str, Any]:
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


def block_devices(machine: LaunchSpec, volume_gb: int) -> list[dict[str, Any]]:
    """Return the one volume, the root, where today's ECS image keeps containers.

    It cannot be smaller than its snapshot, and it ends with its machine, since a leftover volume bills for
    ever.
    """
    volume = {
        "VolumeType": "gp3",
        **machine.specification.volume,
        "VolumeSize": max(volume_gb, machine.root_gb),
        "DeleteOnTermination": True,
    }
    return [{"DeviceName": machine.root_device, "Ebs": volume}]


def _public_ip(settings: Settings, machine: LaunchSpec) -> bool | None:
    """Return whether machines get a public address. None leaves it to their subnets, if these assign one.

    ASSIGN_IP = False overrides the file. Subnets that users create assign none (EC2 user guide,
    MapPublicIpOnLaunch), and a machine with neither an address nor a NAT never joins its cluster.
    """
    if not settings.ASSIGN_IP:
        return False
    if machine.specification.public_ip is not None or all(subnet.public for subnet in machine.subnets):
        return machine.specification.public_ip
    return True


def _interface(specification: Specification, subnet: Subnet, public_ip: bool) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "DeleteOnTermination": True,
        "SubnetId": subnet.subnet_id,
        "AssociatePublicIpAddress": public_ip,
    }
    if specification.security_groups:
        interface["Groups"] = list(specification.security_groups)
    return interface


def _instance_tags(settings: Settings) -> list[dict[str, str]]:
    return [*tags(settings.APP_NAME), {"Key": "Name", "Value": settings.APP_NAME}]
