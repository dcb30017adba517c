"""The IAM roles of an app: create missing ones, and update policies that differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws import policies
from distributed_fiji.aws.clients import error_text, pages
from distributed_fiji.aws.documents import tags
from distributed_fiji.aws.grants import characters
from distributed_fiji.aws.refusals import is_denied
from distributed_fiji.changes import Change
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.names import role_name

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from distributed_fiji.settings import Settings

#: AWS's own roles for spot instances, spot fleets, ECS, and alarms that end machines. The console creates
#: them; callers of the API "must ensure that these roles exist" (EC2 user guide, "Spot Fleet permissions").
#: Without the one for alarms, each PutMetricAlarm with an EC2 action needs iam:CreateServiceLinkedRole
#: (CloudWatch API reference; aws-samples/amazon-cloudwatch-auto-alarms#47). Without the one for ECS, an
#: account's first CreateCluster can fail (ECS developer guide, "Using service-linked roles"). They belong to
#: the account, not to an app, so cleanup leaves them.
SERVICE_LINKED_ROLES = {
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "AWSServiceRoleForCloudWatchEvents": "events.amazonaws.com",
    "AWSServiceRoleForEC2Spot": "spot.amazonaws.com",
    "AWSServiceRoleForEC2SpotFleet": "spotfleet.amazonaws.com",
}


#: The most characters in a role's inline policies (IAM user guide, "IAM and STS quotas").
MOST_CHARACTERS = 10_240


class PolicyTooLong(DistributedFijiError):
    """Raised when a role would need a longer policy than IAM accepts."""


@dataclass(frozen=True)
class Role:
    """A role that should exist, with one inline policy, or AWS's managed one.

    `boundary`: a policy's ARN, or ''. `condition`: of its trust policy.
    """

    name: str
    trusted_service: str
    inline_policy: dict[str, Any] | None = None
    managed_policy_arn: str | None = None
    boundary: str = ""
    condition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trust(self) -> dict[str, Any]:
        """The policy of who may assume the role."""
        return policies.trust(self.trusted_service, self.condition)


def wanted_roles(settings: Settings, account: str) -> dict[str, Role]:
    """Return the app's roles by purpose: task, instance and fleet.

    Those that config.py names are the same, under the names that setup would give them.
    """

    def role(purpose: str, service: str, **policy: Any) -> Role:
        name = role_name(settings.APP_NAME, settings.AWS_REGION, purpose)
        return Role(name, f"{service}.amazonaws.com", boundary=settings.PERMISSIONS_BOUNDARY, **policy)

    return {
        "task": role(
            "task",
            "ecs-tasks",
            inline_policy=policies.task_policy(settings, account),
            condition=policies.tasks_of(settings.AWS_REGION, account),
        ),
        "instance": role("instance", "ec2", inline_policy=policies.instance_policy(settings, account)),
        "fleet": role("fleet", "spotfleet", managed_policy_arn=policies.FLEET_POLICY_ARN),
    }


def role_arn(name: str, account: str, kind: str = "role") -> str:
    """Return the ARN of a role, or of another `kind` in IAM, given its name or its ARN."""
    return name if name.startswith("arn:") else f"arn:aws:iam::{account}:{kind}/{name}"


def ensure_role(iam: IAMClient, role: Role, app_name: str) -> tuple[str, Change]:
    """Return a role's ARN, creating or updating it. Raises PolicyTooLong before anything is created."""
    _check_length(role)
    found = read_role(iam, role.name)
    if found is None:
        boundary: dict[str, Any] = {"PermissionsBoundary": role.boundary} if role.boundary else {}
        made = iam.create_role(
            RoleName=role.name,
            AssumeRolePolicyDocument=json.dumps(role.trust),
            Tags=tags(app_name),
            **boundary,
        )["Role"]
        iam.get_waiter("role_exists").wait(RoleName=role.name)
    changed = found is not None and (_ensure_trust(iam, role, found) | _ensure_boundary(iam, role, found))
    changed |= _ensure_inline_policy(iam, role) | _ensure_managed_policy(iam, role)
    return (found or made)["Arn"], Change.of("role", role.name, created=found is None, changed=changed)


def ensure_service_linked_roles(iam: IAMClient, warn: Callable[[str], None]) -> list[Change]:
    """Create AWS's roles for spot machines in an account that has never had any.

    If that may not be read or done, it is only a warning, because the account may have them anyway.
    """
    changes = []
    for name, service in SERVICE_LINKED_ROLES.items():
        try:
            created = find_role(iam, name) is None and _create_service_linked_role(iam, service)
        except ClientError as error:
            if not is_denied(error):
                raise
            warn(
                f"AWS's own role {name} could not be checked or created: {error_text(error)}. If your"
                " account lacks it, an administrator must run this once: aws iam"
                f" create-service-linked-role --aws-service-name {service}"
            )
        else:
            changes.append(Change.of("account's role", name, created=created, changed=False))
    return changes


def _create_service_linked_role(iam: IAMClient, service: str) -> bool:
    """Return whether the role was created; somebody else may just have created it."""
    try:
        iam.create_service_linked_role(AWSServiceName=service)
    except iam.exceptions.InvalidInputException:
        return False
    return True


def find_role(iam: IAMClient, name: str) -> str | None:
    """Return a role's ARN, or None."""
    found = read_role(iam, name)
    return found["Arn"] if found else None


def read_role(iam: IAMClient, name: str) -> Mapping[str, Any] | None:
    """Return a role as IAM describes it, or None."""
    try:
        return iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None


def _ensure_trust(iam: IAMClient, role: Role, found: Mapping[str, Any]) -> bool:
    if found["AssumeRolePolicyDocument"] == role.trust:
        return False
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(role.trust))
    return True


def _ensure_boundary(iam: IAMClient, role: Role, found: Mapping[str, Any]) -> bool:
    """Set a role's boundary to the one config.py names. If config.py names none, an administrator's stays."""
    current = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    if role.boundary in ("", current):
        return False
    iam.put_role_permissions_boundary(RoleName=role.name, PermissionsBoundary=role.boundary)
    return True


def _check_length(role: Role) -> None:
    length = characters(role.inline_policy or {})
    if length > MOST_CHARACTERS:
        raise PolicyTooLong(
            f"The role {role.name} would need a policy of {length} characters; IAM's limit is"
            f" {MOST_CHARACTERS}. Use fewer buckets, or end open runs that use other queues and clusters"
            " (`python run.py monitor`)"
        )


def _ensure_inline_policy(iam: IAMClient, role: Role) -> bool:
    if role.inline_policy is None:
        return False
    try:
        current = iam.get_role_policy(RoleName=role.name, PolicyName=role.name)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        current = None
    if current == role.inline_policy:
        return False
    iam.put_role_policy(
        RoleName=role.name,
        PolicyName=role.name,
        PolicyDocument=json.dumps(role.inline_policy, separators=(",", ":")),
    )
    return True


def _ensure_managed_policy(iam: IAMClient, role: Role) -> bool:
    if role.managed_policy_arn is None:
        return False
    attached = iam.list_attached_role_policies(RoleName=role.name)["AttachedPolicies"]
    if any(policy["PolicyArn"] == role.managed_policy_arn for policy in attached):
        return False
    iam.attach_role_policy(RoleName=role.name, PolicyArn=role.managed_policy_arn)
    return True


def ensure_instance_profile(iam: IAMClient, role: str, app_name: str) -> Change:
    """Create the instance profile with the instance role's name, containing that role."""
    created = changed = False
    try:
        profile = iam.get_instance_profile(InstanceProfileName=role)["InstanceProfile"]
    except iam.exceptions.NoSuchEntityException:
        profile = iam.create_instance_profile(InstanceProfileName=role, Tags=tags(app_name))[
            "InstanceProfile"
        ]
        iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=role)
        created = True
    if role not in [item["RoleName"] for item in profile["Roles"]]:
        try:
            iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        except ClientError as error:
            # A profile holds one role. LimitExceeded means that a concurrent setup has just added it.
            if error.response["Error"]["Code"] != "LimitExceeded":
                raise
        changed = True
    return Change.of("instance profile", role, created=created, changed=changed)


def remove_instance_profile(iam: IAMClient, name: str) -> None:
    """Remove the role from an instance profile, and delete the profile."""
    try:
        profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        for role in profile["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return


def remove_role(iam: IAMClient, name: str) -> None:
    """Remove a role's policies, and delete the role."""
    try:
        for policy in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in pages(iam, "list_role_policies", "PolicyNames", RoleName=name):
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        return
