"""Which AWS operations the product's code calls, judged only by its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import Session

from tests.contract.calls import EMULATORS, Operation

CHECKOUT = Path(__file__).resolve().parents[2]

SERVICES = (
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "events",
    "iam",
    "lambda",
    "logs",
    "pricing",
    "s3",
    "service-quotas",
    "sns",
    "sqs",
    "ssm",
    "sts",
)

#: What boto3 adds to S3's clients, and the least that each of these calls.
TRANSFERS = {"upload_file": "PutObject", "upload_fileobj": "PutObject", "download_file": "GetObject",
             "download_fileobj": "GetObject", "copy": "CopyObject"}  # fmt: skip

#: Names that are AWS operations, but mean something else in this code.
NOT_AWS = {"copy", "list_commands", "list_objects"}


@cache
def names() -> dict[str, frozenset[Operation]]:
    """Return the operations that a method's name may stand for."""
    session, found = Session(), {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), set()).add((service, operation))
    return {name: frozenset(operations) for name, operations in found.items()}


def sources() -> list[Path]:
    """Return the product's files, without the embedded cloud, which is an emulator."""
    files = [CHECKOUT / "run.py", *(CHECKOUT / "worker").rglob("*.py")]
    files += (CHECKOUT / "distributed_fiji").rglob("*.py")
    return [path for path in files if not str(path).startswith(EMULATORS)]


def asked_in(text: str) -> Iterator[frozenset[Operation]]:
    """Yield, for each call to AWS in a module's text, the operations that it may stand for."""
    nodes = list(ast.walk(ast.parse(text)))
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            yield from _named(node.func.attr, _receiver(node.func.value))
        # pages(client, "list_queues", …), client.get_paginator("…")
        client = _receiver(node.args[0]) if len(node.args) > 1 else ""
        for argument in node.args[:2]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield from _named(argument.value, client)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get_waiter":
            yield from _waited(node.args[0])
    for node in nodes:
        # partial(client.receive_message, …): named here and called later.
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "partial":
            yield from (
                found
                for argument in node.args
                if isinstance(argument, ast.Attribute)
                for found in _named(argument.attr, _receiver(argument.value))
            )


def _receiver(node: ast.expr) -> str:
    """Return a client's service, judged by the name it has; '' if that says nothing."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    name = name.lstrip("_").removeprefix("aws")
    return name if name in SERVICES else ""


def _named(name: str, service: str) -> Iterator[frozenset[Operation]]:
    if name in NOT_AWS:
        return
    if name in TRANSFERS:
        yield frozenset({("s3", TRANSFERS[name])})
    elif name in names():
        found = names()[name]
        yield frozenset(one for one in found if one[0] == service) or found


def _waited(argument: ast.expr) -> Iterator[frozenset[Operation]]:
    """Yield a waiter's operations, from botocore's own description of it."""
    if not isinstance(argument, ast.Constant):
        return
    session = Session()
    for service in ("iam", "ecs", "lambda", "ec2", "s3"):
        model = session.get_waiter_model(service)
        for name in model.waiter_names:
            if xform_name(name) == argument.value:
                yield frozenset({(service, model.get_waiter(name).operation)})
