"""The roles of an app, for an administrator who creates them: names, trust and policies. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from distributed_fiji.aws.documents import tags
from distributed_fiji.aws.roles import SERVICE_LINKED_ROLES, Role, wanted_roles
from distributed_fiji.janitor.policy import janitor_policy
from distributed_fiji.names import role_name
from distributed_fiji.settings import GIVEN, Settings
from distributed_fiji.state.record import new_run


def roles_document(settings: Settings, account: str) -> dict[str, Any]:
    """Return all roles in the form of IAM's API: each under `Roles`, with the setting that names it.

    `AccountRoles`: AWS's own roles, which an account has once, by the service that they are for.
    """
    return {
        "Roles": [_document(purpose, role, settings) for purpose, role in _roles(settings, account)],
        "AccountRoles": dict(SERVICE_LINKED_ROLES),
    }


def _roles(settings: Settings, account: str) -> Iterator[tuple[str, Role]]:
    yield from wanted_roles(settings, account).items()
    if settings.AUTO_MONITOR:
        run = new_run(settings, started=0, run_id="", local=False)
        name = role_name(settings.APP_NAME, settings.AWS_REGION, "janitor")
        policy = janitor_policy(run, account)
        yield "janitor", Role(name, "lambda.amazonaws.com", policy, boundary=settings.PERMISSIONS_BOUNDARY)


def _document(purpose: str, role: Role, settings: Settings) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Setting": GIVEN[purpose],
        "RoleName": settings.given_role(purpose).rpartition("/")[2] or role.name,
        "AssumeRolePolicyDocument": role.trust,
        "Tags": tags(settings.APP_NAME),
    }
    if role.boundary:
        made["PermissionsBoundary"] = role.boundary
    if role.inline_policy:
        made["PolicyDocument"] = role.inline_policy
    if role.managed_policy_arn:
        made["PolicyArn"] = role.managed_policy_arn
    if purpose == "instance":
        # A profile with the same name, so that EC2 can give the role to machines.
        made["InstanceProfileName"] = made["RoleName"]
    return made
