"""Every call that stands in the code has its permission in a policy: a new one without it fails here.

What tests make of calls is held to the policies as they run (tests/conftest.py); this finds a call that no
test makes, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from distributed_fiji.janitor.policy import janitor_grants
from distributed_fiji.policies import instance_grants, task_grants
from distributed_fiji.refusals import action_of
from distributed_fiji.runfacts import facts_of
from distributed_fiji.runrecord import record_of
from distributed_fiji.usercalls import COMMANDS
from distributed_fiji.userpolicy import user_grants
from tests.policy.test_grants import ACCOUNT, settings

CHECKOUT = Path(__file__).resolve().parents[2]

#: What clients are called in the code, with boto3's names of their services.
SERVICES = ("sqs", "s3", "ecs", "ec2", "iam", "logs", "cloudwatch", "ssm", "ecr", "events", "sns")
CLIENTS = {
    **{name: name for name in SERVICES},
    "awslambda": "lambda",
    "_s3": "s3",
    "_sqs": "sqs",
    "_beat": "sqs",
    "beat": "sqs",
}

#: Methods of a client that are no operations; what they ask for, where it is their own.
METHODS = {
    "s3.upload_file": ("PutObject", "CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"),
    "s3.upload_fileobj": ("PutObject", "CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"),
}

#: Waiters with the operation that they ask again and again.
WAITERS = {
    "role_exists": "iam:GetRole",
    "instance_profile_exists": "iam:GetInstanceProfile",
    "services_inactive": "ecs:DescribeServices",
    "function_updated_v2": "lambda:GetFunction",
    "function_active_v2": "lambda:GetFunction",
}


def operations(service: str) -> dict[str, str]:
    """Return the operations of a service by boto3's names of them."""
    model = botocore.session.Session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


OPERATIONS = {service: operations(service) for service in set(CLIENTS.values())}


def sources() -> list[Path]:
    packages = (CHECKOUT / "distributed_fiji", CHECKOUT / "worker")
    return [
        path
        for package in packages
        for path in sorted(package.rglob("*.py"))
        if "local" not in path.relative_to(package).parts
    ]


def calls_in(path: Path) -> Iterator[str]:
    """Yield the actions that the calls of AWS in a file need."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        words = [item.value for item in node.args if isinstance(item, ast.Constant)]
        if isinstance(function, ast.Attribute):
            owner = function.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            yield from actions(CLIENTS.get(name, ""), function.attr, words)
        elif isinstance(function, ast.Name) and function.id in ("pages", "_ecs_batches") and words:
            owner = node.args[0]
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            yield from actions(CLIENTS.get(name, ""), str(words[0]), [])


def actions(service: str, method: str, words: list[object]) -> Iterator[str]:
    if not service:
        return
    if method == "get_waiter":
        yield WAITERS[str(words[0])]
    elif method == "get_paginator":
        yield action_of(service, OPERATIONS[service][str(words[0])])
    elif f"{service}.{method}" in METHODS:
        yield from (action_of(service, name) for name in METHODS[f"{service}.{method}"])
    elif method in OPERATIONS[service]:
        yield action_of(service, OPERATIONS[service][method])


def granted() -> set[str]:
    made = settings()
    run = facts_of(record_of(made, started=1.0, client_token="t", local=False).model_dump())
    roles = [*task_grants(made, ACCOUNT), *instance_grants(made, ACCOUNT), *janitor_grants(run, ACCOUNT)]
    return {action for grant in [*roles, *user_grants(made, ACCOUNT, COMMANDS)] for action in grant.actions}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_call_in_the_code_has_its_permission_in_a_policy(path: Path) -> None:
    assert set(calls_in(path)) - granted() == set()


def test_calls_are_found_where_they_stand() -> None:
    found = {action for path in sources() for action in calls_in(path)}

    assert len(found) > 80
    assert {"ec2:RequestSpotFleet", "ecs:ListTasks", "sqs:SendMessage", "lambda:GetFunction"} <= found


def test_a_new_call_without_its_permission_is_found(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text(
        "def look(clients):\n    clients.ec2.create_vpc(CidrBlock='10.0.0.0/16')\n"
    )

    assert set(calls_in(tmp_path / "new.py")) - granted() == {"ec2:CreateVpc"}
