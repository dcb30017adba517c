"""The spot fleet: what a fleet file leaves open is found, the request is made, its course is read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji import documents, fleetdocuments
from distributed_fiji.aws import Clients, error_code
from distributed_fiji.errors import InvalidInput
from distributed_fiji.fleetdocuments import Machine
from distributed_fiji.fleetevents import TROUBLE, FleetError
from distributed_fiji.fleetfile import FleetFile, Specification
from distributed_fiji.roles import find_role
from distributed_fiji.settings import Settings, role_name

#: ECS's own pointers to its newest image; Amazon Linux 2 ended 2026-06-30 (ECS developer guide).
AMI_PARAMETERS = {
    "x86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "arm64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}

#: States of a request in which machines run or may still come (EC2 API reference, BatchState).
LIVE = ("submitted", "active", "modifying", "cancelled_running")


def find_machines(
    clients: Clients, settings: Settings, file: FleetFile, architecture: str
) -> tuple[list[Machine], str]:
    """Fill in what the file leaves open; return the machines and the fleet role's ARN.

    Raises InvalidInput with everything that could not be found.
    """
    problems: list[str] = []
    role = _fleet_role(clients.iam, settings, file.fleet_role, problems)
    machines = [
        _find_machine(clients, settings, item, architecture, problems) for item in file.specifications
    ]
    if problems:
        raise InvalidInput("The fleet cannot be started", list(dict.fromkeys(problems)))
    return machines, role


def _fleet_role(iam: Any, settings: Settings, given: str | None, problems: list[str]) -> str:
    if given and given.startswith("arn:"):
        return given
    name = given or role_name(settings.APP_NAME, settings.AWS_REGION, "fleet")
    arn = find_role(iam, name)
    if arn is None:
        problems.append(f"IamFleetRole: there is no role {name}; `python run.py setup` makes it")
    return arn or ""


def _find_machine(
    clients: Clients, settings: Settings, wanted: Specification, architecture: str, problems: list[str]
) -> Machine:
    image = _image(clients, wanted.image_id, architecture, problems)
    profile = wanted.instance_profile or role_name(settings.APP_NAME, settings.AWS_REGION, "instance")
    if not profile.startswith("arn:"):
        problems += _profile_problems(clients.iam, profile)
    key_name = wanted.key_name or settings.SSH_KEY_NAME
    if key_name:
        problems += _key_pair_problems(clients.ec2, key_name)
    return Machine(
        specification=wanted,
        image_id=image.get("ImageId", ""),
        root_device=image.get("RootDeviceName", "/dev/xvda"),
        root_gb=_root_gb(image),
        instance_profile=profile,
        subnets=_subnets(clients.ec2, wanted.subnets, problems),
    )


def _image(clients: Clients, given: str | None, architecture: str, problems: list[str]) -> dict[str, Any]:
    image_id = given or clients.ssm.get_parameter(Name=AMI_PARAMETERS[architecture])["Parameter"]["Value"]
    try:
        found = clients.ec2.describe_images(ImageIds=[image_id])["Images"]
    except ClientError as error:
        if not error_code(error).startswith("InvalidAMIID"):
            raise
        found = []
    if given and not found:
        problems.append(f"ImageId = {given!r}: the region has no such image; leave it out for ECS's newest")
    elif found and found[0].get("Architecture", architecture) != architecture and given:
        problems.append(
            f"ImageId = {given!r} is for {found[0]['Architecture']}, MACHINE_TYPE is {architecture}"
        )
    return found[0] if found else {"ImageId": image_id}


def _root_gb(image: dict[str, Any]) -> int:
    """Return the size of the image's root snapshot; today's ECS images have 30 GiB."""
    for device in image.get("BlockDeviceMappings", []):
        if device.get("DeviceName") == image.get("RootDeviceName"):
            return device.get("Ebs", {}).get("VolumeSize", 30)
    return 30


def _profile_problems(iam: Any, name: str) -> list[str]:
    try:
        iam.get_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return [f"IamInstanceProfile: there is no {name}; `python run.py setup` makes it"]
    return []


def _key_pair_problems(ec2: Any, name: str) -> list[str]:
    try:
        ec2.describe_key_pairs(KeyNames=[name])
    except ClientError as error:
        if error_code(error) == "InvalidKeyPair.NotFound":
            return [
                f"SSH_KEY_NAME / KeyName = {name!r}: the region has no such key pair; leave it empty for none"
            ]
        raise
    return []


def _subnets(ec2: Any, given: tuple[str, ...], problems: list[str]) -> tuple[str, ...]:
    """Return the given subnets, checked, or those of the default VPC."""
    if given:
        try:
            ec2.describe_subnets(SubnetIds=list(given))
        except ClientError as error:
            if error_code(error) != "InvalidSubnetID.NotFound":
                raise
            problems.append(f"Subnets: {error.response['Error']['Message']}")
        return given
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    found = sorted(item["SubnetId"] for item in ec2.describe_subnets(Filters=filters)["Subnets"])
    if not found:
        problems.append("Subnets: the region has no default VPC; name subnets in the fleet file")
    return tuple(found)


def ensure_launch_template(ec2: Any, name: str, data: dict[str, Any], app_name: str) -> tuple[str, str]:
    """Make the app's launch template, or a new version of it; return its id and the version's number."""
    if find_launch_template(ec2, name) is None:
        try:
            template = ec2.create_launch_template(
                LaunchTemplateName=name,
                LaunchTemplateData=data,
                TagSpecifications=[{"ResourceType": "launch-template", "Tags": documents.tags(app_name)}],
            )["LaunchTemplate"]
            return template["LaunchTemplateId"], str(template["LatestVersionNumber"])
        except ClientError as error:
            # Another startCluster has just made it.
            if error_code(error) != "InvalidLaunchTemplateName.AlreadyExistsException":
                raise
    version = ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData=data)
    made = version["LaunchTemplateVersion"]
    return made["LaunchTemplateId"], str(made["VersionNumber"])


def find_launch_template(ec2: Any, name: str) -> dict[str, Any] | None:
    """Return a launch template by its exact name, or None."""
    try:
        return ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"][0]
    except (ClientError, IndexError) as error:
        if isinstance(error, ClientError) and "NotFound" not in error_code(error):
            raise
        return None


def fleet_machines(ec2: Any, settings: Settings, machines: list[Machine]) -> tuple[dict[str, Any], list[str]]:
    """Return the request's part about machines, and warnings: a launch template where one can say it all."""
    if len(machines) > 1:
        specifications = fleetdocuments.launch_specifications(settings, machines)
        warning = (
            "The fleet file's launch specifications differ in more than their subnets, so that no launch"
            " template serves them all: machines will accept IMDSv1"
        )
        return {"LaunchSpecifications": specifications}, [warning]
    data = fleetdocuments.launch_template(settings, machines[0])
    template, version = ensure_launch_template(ec2, settings.launch_template, data, settings.APP_NAME)
    config = {
        "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": version},
        "Overrides": fleetdocuments.overrides(settings, machines[0]),
    }
    return {"LaunchTemplateConfigs": [config]}, []


def request_fleet(ec2: Any, request: dict[str, Any]) -> str:
    """Ask for the fleet; the ClientToken in the request makes asking again harmless. Returns its id."""
    parsed = request | {"ValidUntil": datetime.fromisoformat(request["ValidUntil"])}
    return ec2.request_spot_fleet(SpotFleetRequestConfig=parsed)["SpotFleetRequestId"]


def fleet_state(ec2: Any, fleet_id: str) -> str | None:
    """Return a fleet request's state, or None when EC2 does not know it any more."""
    try:
        found = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet_id])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error_code(error) != "InvalidSpotFleetRequestId.NotFound":
            raise
        return None
    return found[0]["SpotFleetRequestState"] if found else None


def fleet_instances(ec2: Any, fleet_id: str) -> set[str]:
    """Return the ids of a fleet's running machines."""
    found: set[str] = set()
    arguments = {"SpotFleetRequestId": fleet_id}
    while True:
        page = ec2.describe_spot_fleet_instances(**arguments)
        found |= {item["InstanceId"] for item in page["ActiveInstances"]}
        if not page.get("NextToken"):
            return found
        arguments["NextToken"] = page["NextToken"]


def fleet_errors(ec2: Any, fleet_id: str, since: float) -> list[FleetError]:
    """Return the trouble that EC2 reports of a fleet since a time (seconds since 1970), each kind once."""
    errors = []
    for kind in TROUBLE:
        response = ec2.describe_spot_fleet_request_history(
            SpotFleetRequestId=fleet_id,
            EventType=kind,
            StartTime=datetime.fromtimestamp(since, timezone.utc),
        )
        events = [item["EventInformation"] for item in response["HistoryRecords"]]
        errors += [
            FleetError(item.get("EventSubType", kind), item.get("EventDescription", "")) for item in events
        ]
    return list(dict.fromkeys(errors))
