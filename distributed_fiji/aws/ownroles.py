"""The roles of a run: those that setup creates, or those that config.py names because others created them.

Many institutions let nobody create roles, or only with a permissions boundary. So all denials are collected,
and reported together with both ways out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws import roles
from distributed_fiji.aws.clients import Clients, error_text
from distributed_fiji.aws.refusals import is_denied
from distributed_fiji.aws.roles import Role, role_arn
from distributed_fiji.changes import Change
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.findings import Finding, stops, unknowns
from distributed_fiji.settings import GIVEN, Settings

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

Warn = Callable[[str], None]

#: Which service assumes each role (IAM user guide, "iam:PassedToService").
SERVICES = {
    "task": "ecs-tasks.amazonaws.com",
    "instance": "ec2.amazonaws.com",
    "fleet": "spotfleet.amazonaws.com",
    "janitor": "lambda.amazonaws.com",
}


class RolesDenied(DistributedFijiError):
    """Raised when roles are missing or wrong, and may not be created or changed."""


def given_findings(iam: IAMClient, settings: Settings) -> list[Finding]:
    """Name the roles in config.py that do not exist, or that their service may not assume.

    A role that may not be read is assumed to be right.
    """
    found = list[Finding]()
    for purpose, setting in GIVEN.items():
        if value := settings.given_role(purpose):
            found += _given_finding(iam, purpose, f"{setting} = {value!r}", value.rpartition("/")[2])
    return found


def _given_finding(iam: IAMClient, purpose: str, setting: str, name: str) -> list[Finding]:
    try:
        if purpose == "instance":
            given = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        else:
            given = [iam.get_role(RoleName=name)["Role"]]
    except iam.exceptions.NoSuchEntityException:
        what = "instance profile" if purpose == "instance" else "role"
        return stops("role", [f"{setting}: your account has no such {what}"])
    except ClientError as error:
        if not is_denied(error):
            raise
        return unknowns("role", [f"{setting} could not be checked: {error_text(error)}"])
    if not given:
        return stops("role", [f"{setting}: this instance profile holds no role"])
    service = SERVICES[purpose]
    trusted = json.dumps(given[0].get("AssumeRolePolicyDocument", {}))
    if service in trusted or '"*"' in trusted:
        return []
    return stops("role", [f"{setting}: its trust policy does not let {service} assume it"])


def ensure_roles(
    clients: Clients, settings: Settings, wanted: Mapping[str, Role], warn: Warn
) -> tuple[dict[str, str], list[Change]]:
    """Create missing roles; return the ARNs by purpose, and what was done.

    Roles that config.py names are neither created nor changed. Raises RolesDenied with everything that is
    denied.
    """
    arns, changes, denied = dict[str, str](), list[Change](), list[str]()
    for purpose, role in wanted.items():
        given = settings.given_role(purpose)
        if given:
            arns[purpose] = role_arn(given, clients.account)
            changes.append(Change("role", f"{given} ({GIVEN[purpose]})", "kept"))
            continue
        try:
            arns[purpose], change = settle_role(clients.iam, role, settings.APP_NAME, warn)
            changes.append(change)
            if purpose == "instance":
                changes.append(roles.ensure_instance_profile(clients.iam, role.name, settings.APP_NAME))
        except ClientError as error:
            if not is_denied(error):
                raise
            denied.append(f"{role.name}: {error_text(error)}")
    if denied:
        raise RolesDenied(denied_message(denied))
    return arns, changes


def settle_role(iam: IAMClient, role: Role, app_name: str, warn: Warn) -> tuple[str, Change]:
    """Return a role's ARN, after creating or updating it.

    One that cannot be compared is kept, with a warning.
    """
    try:
        return roles.ensure_role(iam, role, app_name)
    except ClientError as error:
        if not is_denied(error) or not error.operation_name.startswith(("Get", "List")):
            raise
        arn = roles.find_role(iam, role.name)
        if arn is None:
            raise
        warn(f"The role {role.name} is left unchanged, because it could not be compared: {error_text(error)}")
        return arn, Change("role", role.name, "kept")


def denied_message(denied: list[str]) -> str:
    """Return the message if roles may not be created: what is denied, and the ways out."""
    settings = ", ".join(GIVEN.values())
    return "\n".join(
        [
            "Setup stops: these roles are missing or not as required, and you do not have"
            " permission to change that:",
            *(f"  - {line}" for line in denied),
            "`python run.py policy --roles` prints them for an administrator, who creates them once. Then"
            f" name them in config.py ({settings}). If your account requires a permissions boundary, set"
            " PERMISSIONS_BOUNDARY. See docs/permissions.md.",
        ]
    )
