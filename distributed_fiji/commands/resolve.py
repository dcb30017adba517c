"""Resolve a fleet file's defaults: images, roles, subnets, machine types with their prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws import fleetrequest, pools
from distributed_fiji.aws.clients import Clients, error_code, pages
from distributed_fiji.aws.fleetrequest import LaunchSpec, Subnet
from distributed_fiji.aws.machines import ensure_launch_template
from distributed_fiji.aws.refusals import is_denied
from distributed_fiji.aws.roles import find_role, role_arn
from distributed_fiji.errors import InvalidInput
from distributed_fiji.fleetfile import FleetFile, Specification
from distributed_fiji.names import role_name
from distributed_fiji.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

#: ECS's own pointers to its newest image. Amazon Linux 2 ended on 2026-06-30 (ECS developer guide).
AMI_PARAMETERS = {
    "x86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "arm64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}


#: How the names of ECS's Amazon Linux 2023 images begin, including those with drivers (ECS developer guide).
ECS_IMAGES = "al2023-ami-ecs-"


#: The subnets of a region's default VPC.
DEFAULT_SUBNETS = [{"Name": "default-for-az", "Values": ["true"]}]


@dataclass
class Findings:
    """Problems with a fleet file's machines, what setup would create, and warnings."""

    problems: list[str] = field(default_factory=list)
    unmade: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find_machines(
    clients: Clients,
    settings: Settings,
    file: FleetFile,
    architecture: str,
    now: float,
    *,
    before_setup: bool = False,
) -> tuple[list[LaunchSpec], str, list[str]]:
    """Fill in the file's defaults; return the machines, the fleet role's ARN, and warnings.

    `before_setup`: what setup would create need not exist yet. Raises InvalidInput with everything that could
    not be found.
    """
    found = Findings()
    role = _fleet_role(clients, settings, file.fleet_role or settings.FLEET_ROLE, found)
    machines = [
        _find_machine(clients, settings, item, architecture, file.original, found)
        for item in file.specifications
    ]
    if not before_setup:
        found.problems += found.unmade
    if not found.problems:
        _check_prices(clients.ec2, settings, machines, now, found)
    if found.problems:
        raise InvalidInput("The fleet cannot be started", list(dict.fromkeys(found.problems)))
    return machines, role, list(dict.fromkeys(found.warnings))


def _check_prices(
    ec2: EC2Client, settings: Settings, machines: list[LaunchSpec], now: float, found: Findings
) -> None:
    prices = pools.read_latest_prices(ec2, settings.MACHINE_TYPE, now)
    every = [pool for machine in machines for pool in machine.pools]
    problems, warnings = pools.price_findings(every, prices, settings.MACHINE_PRICE)
    found.problems += problems
    found.warnings += warnings


def _fleet_role(clients: Clients, settings: Settings, given: str, found: Findings) -> str:
    """Return the fleet role's ARN. A role that may not be read is assumed to exist."""
    if given.startswith("arn:"):
        return given
    name = given or role_name(settings.APP_NAME, settings.AWS_REGION, "fleet")
    try:
        arn = find_role(clients.iam, name)
    except ClientError as error:
        if not is_denied(error):
            raise
        return role_arn(name, clients.account)
    if arn is None:
        line = f"IamFleetRole: role {name} does not exist; `python run.py setup` creates it"
        (found.problems if given else found.unmade).append(line)
    return arn or ""


def _find_machine(
    clients: Clients,
    settings: Settings,
    wanted: Specification,
    architecture: str,
    original: bool,
    found: Findings,
) -> LaunchSpec:
    image = _image(clients, wanted.image_id, architecture, found, original=original)
    own = settings.INSTANCE_PROFILE or role_name(settings.APP_NAME, settings.AWS_REGION, "instance")
    profile = wanted.instance_profile or own
    if not profile.startswith("arn:"):
        missing = _profile_problems(clients.iam, profile)
        (found.problems if wanted.instance_profile or settings.INSTANCE_PROFILE else found.unmade).extend(
            missing
        )
    key_name = wanted.key_name or settings.SSH_KEY_NAME
    if key_name:
        found.problems += _key_pair_problems(clients.ec2, key_name)
    return LaunchSpec(
        specification=wanted,
        image_id=image.get("ImageId", ""),
        root_device=image.get("RootDeviceName", "/dev/xvda"),
        root_gb=_root_gb(image),
        instance_profile=profile,
        pools=_pools(clients.ec2, settings, wanted.subnets, found),
    )


def _pools(
    ec2: EC2Client, settings: Settings, given: tuple[str, ...], found: Findings
) -> tuple[tuple[str, Subnet], ...]:
    """Return the machine types and subnets in which machines can start."""
    subnets = _subnets(ec2, given, found.problems)
    closed = [subnet.subnet_id for subnet in subnets if not subnet.public]
    if closed and settings.ASSIGN_IP:
        found.warnings.append(
            f"Subnets: {', '.join(closed)} do not assign public addresses, so each machine gets one. If"
            " these subnets have a NAT, ASSIGN_IP = False saves $0.005 per machine-hour"
        )
    offerings, doubts = pools.read_offerings(ec2, settings.MACHINE_TYPE) if subnets else (None, [])
    offered, lacking = pools.offered(settings.MACHINE_TYPE, subnets, offerings)
    found.warnings += [*doubts, *lacking]
    if subnets and not offered:
        found.problems.append(
            f"MACHINE_TYPE: none of these subnets' zones offers {', '.join(settings.MACHINE_TYPE)}"
        )
    return offered


def _image(
    clients: Clients, given: str | None, architecture: str, found: Findings, *, original: bool
) -> Mapping[str, Any]:
    """Return the machines' image: the file's, or ECS's newest if it names none, or one that cannot run.

    The original's files name Amazon images of 2017, whose agents support neither IMDSv2 nor stopTimeout.
    """
    if given:
        image = _describe_image(clients.ec2, given)
        if image is None and not original:
            found.problems.append(
                f"ImageId = {given!r}: this image does not exist in the region. Leave it out to use"
                " ECS's newest"
            )
            return {}
        if image is not None and image.get("Architecture", architecture) != architecture:
            found.problems.append(
                f"ImageId = {given!r} is for {image['Architecture']}, but MACHINE_TYPE is {architecture}"
            )
            return image
        if image is not None and _can_run(image):
            return image
        found.warnings.append(
            f"ImageId = {given!r} is not an ECS image of Amazon Linux 2023; ECS's newest is used instead"
        )
    newest = clients.ssm.get_parameter(Name=AMI_PARAMETERS[architecture])["Parameter"]["Value"]
    return _describe_image(clients.ec2, newest) or {"ImageId": newest}


def _describe_image(ec2: EC2Client, image_id: str) -> Mapping[str, Any] | None:
    """Return an image, or None if the region has none with that id."""
    try:
        found = ec2.describe_images(ImageIds=[image_id])["Images"]
    except ClientError as error:
        if not error_code(error).startswith("InvalidAMIID"):
            raise
        return None
    return found[0] if found else None


def _can_run(image: Mapping[str, Any]) -> bool:
    """Whether an image is ECS's Amazon Linux 2023, or not Amazon's: then somebody made it on purpose."""
    return image.get("ImageOwnerAlias") != "amazon" or image.get("Name", "").startswith(ECS_IMAGES)


def _root_gb(image: Mapping[str, Any]) -> int:
    """Return the size of the image's root snapshot; today's ECS images have 30 GiB."""
    for device in image.get("BlockDeviceMappings", []):
        if device.get("DeviceName") == image.get("RootDeviceName"):
            return int(device.get("Ebs", {}).get("VolumeSize", 30))
    return 30


def _profile_problems(iam: IAMClient, name: str) -> list[str]:
    try:
        iam.get_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return [f"IamInstanceProfile: {name} does not exist; `python run.py setup` creates it"]
    except ClientError as error:
        if not is_denied(error):
            raise
    return []


def _key_pair_problems(ec2: EC2Client, name: str) -> list[str]:
    try:
        ec2.describe_key_pairs(KeyNames=[name])
    except ClientError as error:
        if error_code(error) == "InvalidKeyPair.NotFound":
            return [
                f"SSH_KEY_NAME / KeyName = {name!r}: this key pair does not exist in the region."
                " Leave it empty to use none"
            ]
        raise
    return []


def _subnets(ec2: EC2Client, given: tuple[str, ...], problems: list[str]) -> tuple[Subnet, ...]:
    """Return the given subnets, or those of the default VPC."""
    wanted: dict[str, Any] = {"SubnetIds": list(given)} if given else {"Filters": DEFAULT_SUBNETS}
    try:
        found = list(pages(ec2, "describe_subnets", "Subnets", **wanted))
    except ClientError as error:
        if error_code(error) != "InvalidSubnetID.NotFound":
            raise
        problems.append(f"Subnets: {error.response['Error']['Message']}")
        return ()
    if not found:
        problems.append("Subnets: the region has no default VPC. Name subnets in the fleet file")
    found.sort(key=lambda item: (given.index(item["SubnetId"]) if given else 0, item["SubnetId"]))
    return tuple(
        Subnet(item["SubnetId"], item["AvailabilityZone"], item["MapPublicIpOnLaunch"]) for item in found
    )


def find_zones(ec2: EC2Client, file: FleetFile) -> set[str]:
    """Return the zones in which a fleet file's machines may start. Raises InvalidInput."""
    problems: list[str] = []
    found = [subnet for item in file.specifications for subnet in _subnets(ec2, item.subnets, problems)]
    if problems:
        raise InvalidInput("The fleet file cannot be used", problems)
    return {subnet.zone for subnet in found}


def fleet_machines(ec2: EC2Client, settings: Settings, machines: list[LaunchSpec]) -> Mapping[str, Any]:
    """Return the request's machines: versions of the app's launch template, with overrides."""
    configs = []
    for machine in machines:
        for data, overrides in fleetrequest.launch_templates(settings, machine):
            template, version = ensure_launch_template(ec2, settings.launch_template, data, settings.APP_NAME)
            specification = {"LaunchTemplateId": template, "Version": version}
            configs.append({"LaunchTemplateSpecification": specification, "Overrides": overrides})
    return {"LaunchTemplateConfigs": configs}
