"""The roles of a run: those that setup makes, or those that config.py names since somebody else made them.

Many institutes let nobody make roles, or only with a permissions boundary. So what is denied is collected,
and said at once with both ways out.
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

#: Who takes on the role of each purpose (IAM user guide, "iam:PassedToService").
SERVICES = {
    "task": "ecs-tasks.amazonaws.com",
    "instance": "ec2.amazonaws.com",
    "fleet": "spotfleet.amazonaws.com",
    "janitor": "lambda.amazonaws.com",
}


class RolesDenied(DistributedFijiError):
    """Raised when roles are missing, or not as they have to be, and may not be made or changed."""


def given_findings(iam: IAMClient, settings: Settings) -> list[Finding]:
    """Name the roles in config.py that are not there, or that their service may not assume.

    One that may not be looked at is believed.
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
    """Make what is missing of the wanted roles; return their ARNs by purpose, and what was done.

    A role that config.py names is neither made nor changed. Raises RolesDenied with all that is denied.
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
    """Return a role's ARN, made or mended; one that cannot be compared is kept, with a warning."""
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
    """Return what is said when roles may not be made: what is denied, and the ways out."""
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
