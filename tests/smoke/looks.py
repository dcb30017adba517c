"""Raw readings of the account, and what they say about the claims in docs/aws.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from distributed_fiji.aws.clients import AwsError, Clients, error_text, pages
from distributed_fiji.aws.machines import app_instances
from distributed_fiji.aws.machinetypes import read_machine_types
from distributed_fiji.names import janitor_log_group
from tests.smoke.plan import MACHINE, Plan
from worker.contract.jobs import APP_TAG, RUN_TAG, state_key


@dataclass(frozen=True)
class Finding:
    """A claim, whether it held (None: it was not seen), and what was seen."""

    claim: str
    held: bool | None
    seen: Any = ""


#: Claims that need more than this run: what to do by hand to see them.
NOT_LOOKED_AT = {
    "an idle worker's CPUUtilization is below the alarm's threshold": "leave a machine idle for half an hour",
    "StopTask: the job is visible again within 2 s after the grace": "`aws ecs stop-task` while a job runs",
    "target 2 to 1 with noTermination replaces no machine": "a fleet of two, and one job",
    "`set-alarm-state` ALARM ends the machine and its volume": "`aws cloudwatch set-alarm-state`",
    "a task is protected within seconds": "`aws ecs get-task-protection` while a job runs",
    "an interface in the template and its subnet go together": "a fleet file with subnets, ASSIGN_IP = False",
    "s5cmd works with the task's role": "a job with an input prefix of more than 100 objects",
}


def look(claim: str, seen: Callable[[], Any], holds: Callable[[Any], bool | None]) -> Finding:
    """Make one reading; a refusal by AWS is a finding too."""
    try:
        found = seen()
    except AwsError as error:
        return Finding(claim, None, f"could not be looked at: {error_text(error)}")
    return Finding(claim, holds(found), found)


def while_running(clients: Clients, plan: Plan) -> list[Finding]:
    """Read fleet, machine, cluster, volumes and janitor while a machine is running."""
    fleets = list(app_fleets(clients, plan.app))
    fleet_id = fleets[0]["SpotFleetRequestId"] if fleets else ""
    machines = app_instances(clients.ec2, plan.app)
    types, _ = read_machine_types(clients.ec2, [MACHINE])
    usable = types[0].usable_mib if types else 0
    return [
        look(
            "DescribeSpotFleetRequests shows the fleet's tags",
            lambda: [fleet.get("Tags", []) for fleet in fleets],
            lambda tags: any(RUN_TAG in {tag["Key"] for tag in one} for one in tags),
        ),
        look(
            "DescribeSpotFleetRequests shows the ClientToken",
            lambda: [fleet["SpotFleetRequestConfig"].get("ClientToken", "") for fleet in fleets],
            any,
        ),
        look("the fleet's history, raw", lambda: history(clients, fleet_id), lambda events: bool(events)),
        look(
            "machines require IMDSv2, with two hops",
            lambda: [one.get("MetadataOptions", {}) for one in machines],
            lambda found: _all(found, HttpTokens="required", HttpPutResponseHopLimit=2),
        ),
        look(
            "machines have a public address",
            lambda: [one.get("PublicIpAddress", "") for one in machines],
            lambda found: bool(found) and all(found),
        ),
        look(
            "volumes carry the app's tag",
            lambda: volumes(clients, plan.app),
            lambda found: bool(found),
        ),
        look(
            f"ECS registers {usable} MiB or more of a {MACHINE}",
            lambda: registered(clients, plan.app),
            lambda found: bool(found) and all(memory >= usable for memory in found),
        ),
        look(
            "the worker's log stream is there",
            lambda: streams(clients, f"{plan.app}_perInstance"),
            lambda found: bool(found),
        ),
    ]


def afterwards(clients: Clients, plan: Plan) -> list[Finding]:
    """Read what the run left before it is removed: ETags, the janitor's log."""
    key, body = state_key(plan.app, "smoke.txt"), b"smoke\n"
    return [
        look(
            "an object's ETag is the MD5 of its bytes",
            lambda: clients.s3.put_object(Bucket=plan.bucket, Key=key, Body=body)["ETag"].strip('"'),
            lambda etag: etag == hashlib.md5(body, usedforsecurity=False).hexdigest(),
        ),
        look(
            "the janitor's rounds went well",
            lambda: messages(clients, janitor_log_group(plan.app)),
            lambda lines: None if not lines else not any("Error" in line for line in lines),
        ),
    ]


def app_fleets(clients: Clients, app: str) -> list[dict[str, Any]]:
    """Return the app's fleets as EC2 describes them."""
    found = pages(clients.ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs")
    return [one for one in found if {"Key": APP_TAG, "Value": app} in one.get("Tags", [])]


def history(clients: Clients, fleet_id: str) -> list[dict[str, Any]]:
    """Return every event of a fleet."""
    answer = clients.ec2.describe_spot_fleet_request_history(
        SpotFleetRequestId=fleet_id, StartTime="2020-01-01T00:00:00Z"
    )
    return list(answer["HistoryRecords"])


def volumes(clients: Clients, app: str) -> list[dict[str, Any]]:
    """Return the app's volumes."""
    own = [{"Name": f"tag:{APP_TAG}", "Values": [app]}]
    return list(clients.ec2.describe_volumes(Filters=own)["Volumes"])


def registered(clients: Clients, cluster: str) -> list[int]:
    """Return the memory (MiB) that each machine of a cluster registered."""
    arns = clients.ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    if not arns:
        return []
    found = clients.ecs.describe_container_instances(cluster=cluster, containerInstances=arns)
    return [
        resource["integerValue"]
        for one in found["containerInstances"]
        for resource in one["registeredResources"]
        if resource["name"] == "MEMORY"
    ]


def streams(clients: Clients, group: str) -> list[str]:
    """Return the names of a log group's streams."""
    return [
        one["logStreamName"] for one in clients.logs.describe_log_streams(logGroupName=group)["logStreams"]
    ]


def messages(clients: Clients, group: str) -> list[str]:
    """Return the lines of a log group; none if there is no such group."""
    try:
        return [
            one["message"] for one in pages(clients.logs, "filter_log_events", "events", logGroupName=group)
        ]
    except clients.logs.exceptions.ResourceNotFoundException:
        return []


def _all(found: list[dict[str, Any]], **wanted: Any) -> bool:
    return bool(found) and all(wanted.items() <= one.items() for one in found)


def as_document(findings: list[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain data."""
    rest = [Finding(claim, None, f"not looked at; to see it: {how}") for claim, how in NOT_LOOKED_AT.items()]
    return [asdict(one) for one in (*findings, *rest)]
