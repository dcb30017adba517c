"""What servers refuse beyond the models: each rule with the page that says so.

A rule is a function from an operation's parameters to what is wrong. It gets only what was recorded, so large
contents of other processes' calls are missing. `*` stands for all operations of a service.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Parameters = Mapping[str, Any]
MIB = 2**20


@dataclass(frozen=True)
class Rule:
    """One rule of a server. `page`: AWS's documentation of it."""

    service: str
    operations: tuple[str, ...]
    page: str
    wrong: Callable[[Parameters], Iterator[str]]


def at_most(most: int, *names: str) -> Callable[[Parameters], Iterator[str]]:
    """Return a rule about the most items a parameter may hold."""

    def wrong(parameters: Parameters) -> Iterator[str]:
        for name in names:
            if len(parameters.get(name) or ()) > most:
                yield f"{name} has {len(parameters[name])} items, {most} at most"

    return wrong


def filters(parameters: Parameters) -> Iterator[str]:
    for one in parameters.get("Filters", ()):
        if len(one.get("Values", ())) > 200:
            yield f"filter {one['Name']} has {len(one['Values'])} values, 200 at most"


def launch_template(parameters: Parameters) -> Iterator[str]:
    data = parameters["LaunchTemplateData"]
    if data.get("NetworkInterfaces") and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        yield "security groups beside a network interface: they belong into it"
    if len(base64.b64decode(data.get("UserData", ""))) > 16 * 1024:
        yield "UserData of more than 16 KB"
    for device in data.get("BlockDeviceMappings", ()):
        if device.get("Ebs", {}).get("DeleteOnTermination") is not True:
            yield f"the volume {device.get('DeviceName')} stays when its machine ends"


def spot_fleet(parameters: Parameters) -> Iterator[str]:
    config = parameters["SpotFleetRequestConfig"]
    if ("LaunchSpecifications" in config) == ("LaunchTemplateConfigs" in config):
        yield "one of LaunchSpecifications and LaunchTemplateConfigs"
    if not config["IamFleetRole"].startswith("arn:"):
        yield f"IamFleetRole = {config['IamFleetRole']!r} is no ARN"
    if len(config.get("ClientToken", "")) > 64:
        yield "ClientToken of more than 64 characters"
    kinds = {item["ResourceType"] for item in config.get("TagSpecifications", ())}
    if kinds - {"spot-fleet-request"}:
        yield f"tags of {sorted(kinds)}: a fleet request tags itself alone"
    places = [one for item in config.get("LaunchTemplateConfigs", ()) for one in item.get("Overrides", ())]
    if len(places) > 300:
        yield f"{len(places)} overrides, 300 at most"


def batch(parameters: Parameters) -> Iterator[str]:
    entries: Sequence[Mapping[str, Any]] = parameters.get("Entries") or ()
    if len(entries) > 10:
        yield f"{len(entries)} entries, 10 at most"
    if len({entry["Id"] for entry in entries}) < len(entries):
        yield "two entries of one Id"
    size = sum(len(entry.get("MessageBody", "").encode()) + attribute_bytes(entry) for entry in entries)
    if size > MIB:
        yield f"{size} bytes together, {MIB} at most"


def attribute_bytes(entry: Mapping[str, Any]) -> int:
    """Return the size of a message's attributes (SQS developer guide, "Amazon SQS message metadata")."""
    attributes = entry.get("MessageAttributes", {})
    return sum(
        len(name) + len(value["DataType"]) + len(value.get("StringValue", "").encode())
        for name, value in attributes.items()
    )


def receive(parameters: Parameters) -> Iterator[str]:
    limits = {"MaxNumberOfMessages": (1, 10), "WaitTimeSeconds": (0, 20), "VisibilityTimeout": (0, 43_200)}
    for name, (least, most) in limits.items():
        if name in parameters and not least <= parameters[name] <= most:
            yield f"{name} = {parameters[name]}, {least} to {most}"


def queue(parameters: Parameters) -> Iterator[str]:
    attributes = parameters.get("Attributes", {})
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    if policy and not 1 <= int(policy["maxReceiveCount"]) <= 1000:
        yield f"maxReceiveCount = {policy['maxReceiveCount']}, 1 to 1000"
    if not all(isinstance(value, str) for value in attributes.values()):
        yield "attributes that are no text"


def alarm(parameters: Parameters) -> Iterator[str]:
    if parameters["Period"] % 60:
        yield f"Period = {parameters['Period']} is no multiple of 60"
    if parameters["Period"] * parameters["EvaluationPeriods"] > 86_400:
        yield "an alarm that looks back for more than a day"


def log_group(parameters: Parameters) -> Iterator[str]:
    if parameters["logGroupName"].startswith("aws/"):
        yield "a log group whose name begins with aws/"


def log_events(parameters: Parameters) -> Iterator[str]:
    events = parameters.get("logEvents") or ()
    if len(events) > 10_000 or sum(len(one["message"].encode()) + 26 for one in events) > MIB:
        yield "more than 10,000 events, or than 1 MiB"
    if any(one["timestamp"] > next_one["timestamp"] for one, next_one in pairwise(events)):
        yield "events that are not in the order of their times"


def role_policy(parameters: Parameters) -> Iterator[str]:
    if len("".join(parameters["PolicyDocument"].split())) > 10_240:
        yield "an inline policy of more than 10,240 characters"


def function(parameters: Parameters) -> Iterator[str]:
    if len(parameters.get("Code", {}).get("ZipFile", b"")) > 50 * MIB:
        yield "a package of more than 50 MB"
    variables = parameters.get("Environment", {}).get("Variables", {})
    if sum(len(name) + len(value) for name, value in variables.items()) > 4096:
        yield "more than 4 KB of variables"


def subject(parameters: Parameters) -> Iterator[str]:
    text = parameters.get("Subject", "")
    if not text.isascii() or len(text) > 100 or "\n" in text:
        yield f"Subject = {text!r}: 100 characters of ASCII in one line"


def s3_key(parameters: Parameters) -> Iterator[str]:
    if len(parameters.get("Key", "").encode()) > 1024:
        yield "a key of more than 1,024 bytes"
    if "IfMatch" in parameters and "IfNoneMatch" in parameters:
        yield "both IfMatch and IfNoneMatch"


def delete_objects(parameters: Parameters) -> Iterator[str]:
    if len(parameters["Delete"]["Objects"]) > 1000:
        yield "more than 1,000 keys"


ECS = "ECS API reference"
RULES = (
    Rule("ec2", ("*",), "EC2 API reference, Filter", filters),
    Rule(
        "ec2",
        ("CreateLaunchTemplate", "CreateLaunchTemplateVersion"),
        "EC2 user guide, launch templates; RunInstances, NetworkInterface",
        launch_template,
    ),
    Rule("ec2", ("RequestSpotFleet",), "EC2 API reference, SpotFleetRequestConfigData", spot_fleet),
    Rule("ec2", ("TerminateInstances",), "EC2 API reference", at_most(1000, "InstanceIds")),
    Rule("ecs", ("DescribeServices",), f"{ECS}, DescribeServices", at_most(10, "services")),
    Rule(
        "ecs",
        ("DescribeTasks", "GetTaskProtection", "DescribeContainerInstances", "DescribeClusters"),
        f"{ECS}, DescribeTasks and its like",
        at_most(100, "tasks", "containerInstances", "clusters"),
    ),
    Rule(
        "ecs",
        ("UpdateContainerInstancesState", "UpdateTaskProtection"),
        f"{ECS}, UpdateContainerInstancesState",
        at_most(10, "containerInstances", "tasks"),
    ),
    Rule("ecs", ("*",), f"{ECS}, Tag", at_most(50, "tags")),
    Rule(
        "sqs",
        ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"),
        "SQS API reference, SendMessageBatch",
        batch,
    ),
    Rule("sqs", ("ReceiveMessage",), "SQS API reference, ReceiveMessage", receive),
    Rule("sqs", ("CreateQueue", "SetQueueAttributes"), "SQS API reference, CreateQueue", queue),
    Rule("cloudwatch", ("PutMetricAlarm",), "CloudWatch API reference, PutMetricAlarm", alarm),
    Rule("cloudwatch", ("DeleteAlarms",), "CloudWatch API reference", at_most(100, "AlarmNames")),
    Rule("logs", ("CreateLogGroup",), "CloudWatch Logs API reference, CreateLogGroup", log_group),
    Rule("logs", ("PutLogEvents",), "CloudWatch Logs API reference, PutLogEvents", log_events),
    Rule("iam", ("PutRolePolicy",), "IAM user guide, IAM and STS quotas", role_policy),
    Rule(
        "lambda",
        ("CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
        "Lambda developer guide, Lambda quotas",
        function,
    ),
    Rule("sns", ("Publish",), "SNS API reference, Publish", subject),
    Rule("s3", ("*",), "S3 user guide, Creating object key names; Conditional requests", s3_key),
    Rule("s3", ("DeleteObjects",), "S3 API reference, DeleteObjects", delete_objects),
)


def broken_rules(service: str, operation: str, parameters: Parameters) -> list[str]:
    """Return why servers would refuse a request, each reason with its page."""
    return [
        f"{line} ({rule.page})"
        for rule in RULES
        if rule.service == service and (operation in rule.operations or "*" in rule.operations)
        for line in rule.wrong(parameters)
    ]
