"""Machines and their launch template: find them by exact id or tag, create and end them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws import documents
from distributed_fiji.aws.clients import AwsError, error_code, pages
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: States of an instance that exists. One that is shutting down is no longer billed (EC2 user guide).
THERE = ("pending", "running", "stopping", "stopped")


def fleet_instances(
    ec2: EC2Client, app_name: str, fleet_id: str, states: tuple[str, ...] = THERE
) -> list[dict[str, Any]]:
    """Return the instances of an app's fleet in some states; by default, those that exist.

    EC2 tags what a spot fleet starts with aws:ec2spot:fleet-request-id (EC2 user guide).
    """
    found = []
    for instance in app_instances(ec2, app_name, states):
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        if tags.get("aws:ec2spot:fleet-request-id", fleet_id) == fleet_id:
            found.append(instance)
    return found


def app_instances(ec2: EC2Client, app_name: str, states: tuple[str, ...] = THERE) -> list[dict[str, Any]]:
    """Return the app's instances in some states, by tag; by default, those that exist."""
    filters = [
        {"Name": f"tag:{APP_TAG}", "Values": [app_name]},
        {"Name": "instance-state-name", "Values": list(states)},
    ]
    reservations = pages(ec2, "describe_instances", "Reservations", Filters=filters)
    return [instance for reservation in reservations for instance in reservation["Instances"]]


#: How many values one EC2 filter takes.
FILTER_VALUES = 200


#: Instances that one call ends.
ENDED_AT_ONCE = 100

#: EC2's errors if one of the instances of a call does not exist, or may not be terminated.
NOT_FOUND = "InvalidInstanceID.NotFound"
REFUSED_FOR_ONE = (NOT_FOUND, "OperationNotPermitted", "IncorrectInstanceState")


def terminate(ec2: EC2Client, instance_ids: list[str]) -> list[str]:
    """Terminate instances; return those that EC2 knew. One that cannot be ended keeps no other alive.

    Raises the last error after all have been tried.
    """
    ended, errors = list[str](), list[Exception]()
    for start in range(0, len(instance_ids), ENDED_AT_ONCE):
        ended += _terminate(ec2, instance_ids[start : start + ENDED_AT_ONCE], errors)
    if errors:
        raise errors[-1]
    return ended


def _terminate(ec2: EC2Client, instance_ids: list[str], errors: list[Exception]) -> list[str]:
    """Terminate some instances; return which.

    A single one that is unknown or protected makes EC2 refuse the whole call (EC2 API reference,
    TerminateInstances; "Error codes for the Amazon EC2 API").
    """
    try:
        ec2.terminate_instances(InstanceIds=instance_ids)
    except AwsError as error:
        if len(instance_ids) > 1 and error_code(error) in REFUSED_FOR_ONE:
            return [one for each in instance_ids for one in _terminate(ec2, [each], errors)]
        if error_code(error) != NOT_FOUND:
            errors.append(error)
        return []
    return instance_ids


def find_launch_template(ec2: EC2Client, name: str, app_name: str) -> str | None:
    """Return the id of the launch template with that name, unless it has another app's tag."""
    try:
        found = ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"]
    except ClientError as error:
        if error_code(error) == "InvalidLaunchTemplateName.NotFoundException":
            return None
        raise
    for template in found:
        tags = {tag["Key"]: tag["Value"] for tag in template.get("Tags", [])}
        if template["LaunchTemplateName"] == name and tags.get(APP_TAG, app_name) == app_name:
            return template["LaunchTemplateId"]
    return None


def remove_launch_template(ec2: EC2Client, name: str, app_name: str) -> str | None:
    """Delete the launch template with that name."""
    template = find_launch_template(ec2, name, app_name) if name else None
    if template is None:
        return None
    ec2.delete_launch_template(LaunchTemplateId=template)
    return f"launch template {name} deleted"


def there_of(ec2: EC2Client, instance_ids: list[str]) -> set[str]:
    """Return which of some instances exist. A filter takes 200 values (EC2 API reference, Filter)."""
    found: set[str] = set()
    for start in range(0, len(instance_ids), FILTER_VALUES):
        filters = [
            {"Name": "instance-id", "Values": instance_ids[start : start + FILTER_VALUES]},
            {"Name": "instance-state-name", "Values": list(THERE)},
        ]
        for reservation in pages(ec2, "describe_instances", "Reservations", Filters=filters):
            found |= {item["InstanceId"] for item in reservation["Instances"]}
    return found


def ensure_launch_template(ec2: EC2Client, name: str, data: Any, app_name: str) -> tuple[str, str]:
    """Create the app's launch template, or a new version of it; return its id and the version number.

    `data`: LaunchTemplateData, as `launch_templates` returns it.
    """
    if find_launch_template(ec2, name, app_name) is None:
        try:
            template = ec2.create_launch_template(
                LaunchTemplateName=name,
                LaunchTemplateData=data,
                TagSpecifications=[{"ResourceType": "launch-template", "Tags": documents.tags(app_name)}],
            )["LaunchTemplate"]
            return template["LaunchTemplateId"], str(template["LatestVersionNumber"])
        except ClientError as error:
            # Another startCluster has just created it.
            if error_code(error) != "InvalidLaunchTemplateName.AlreadyExistsException":
                raise
    version = ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData=data)
    made = version["LaunchTemplateVersion"]
    return made["LaunchTemplateId"], str(made["VersionNumber"])


def read_user_data(ec2: EC2Client, template: dict[str, str]) -> str:
    """Return the user data of a launch template, as text. `template`: id or name, and version."""
    which: Any = {key: value for key, value in template.items() if key != "Version"}
    answer = ec2.describe_launch_template_versions(Versions=[template.get("Version", "$Latest")], **which)
    data = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("UserData", "")
    return base64.b64decode(data).decode("utf-8", "replace")
