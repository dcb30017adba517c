"""How many vCPUs of spot machines an account may run, by family of types, and how many are running."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import Clients, error_code, pages
from distributed_fiji.aws.machinetypes import read_machine_types

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_STANDARD = "L-34B43A08"
#: Quota codes by the first letters of a family's types (EC2 user guide, "Spot Instance quotas").
CODES = {
    **dict.fromkeys(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), _STANDARD),
    **{"g": "L-3819A6DF", "gr": "L-3819A6DF", "vt": "L-3819A6DF", "p": "L-7212CCBC", "f": "L-88CF9481"},
    **{"x": "L-E3A00192", "inf": "L-B5D1601B", "trn": "L-6B0D517C", "dl": "L-85EED4F7"},
}


def quota_code(machine_type: str) -> str:
    """Return the quota that a machine type counts towards, '' if unknown."""
    letters = re.match(r"[a-z]*", machine_type)
    return CODES.get(letters[0] if letters else "", "")


def read_quotas(clients: Clients, codes: Iterable[str]) -> dict[str, float]:
    """Return vCPUs by quota code. A quota for which the account has no figure is left out.

    Raises ClientError if this account may not ask.
    """
    found = {}
    for code in sorted(set(codes)):
        try:
            answer = clients.quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)
        except ClientError as error:
            if error_code(error) != "NoSuchResourceException":
                raise
        else:
            found[code] = float(answer["Quota"]["Value"])
    return found


def read_running(ec2: EC2Client) -> Mapping[str, int]:
    """Return the vCPUs of all running spot machines, by quota code."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    machines = Counter(
        machine["InstanceType"]
        for reservation in pages(ec2, "describe_instances", "Reservations", Filters=states)
        for machine in reservation["Instances"]
        if machine.get("InstanceLifecycle") == "spot"
    )
    types, _ = read_machine_types(ec2, sorted(machines)) if machines else ([], [])
    running = Counter[str]()
    for item in types or []:
        running[quota_code(item.name)] += item.vcpus * machines[item.name]
    return running
