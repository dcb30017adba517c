"""What each API call needs: IAM actions on resources, with the condition keys that AWS gives a request.

From the Service Authorization Reference and the "Permissions" parts of the API references. A call that is not
known here is an error, so that a new one has to be thought about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.policy.evaluator import Need, as_list

#: S3 operations that go by another action's name.
S3_ACTIONS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
}
ACL_PARAMETERS = {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"}
S3_OBJECTS = {"GetObject", "PutObject", "AbortMultipartUpload", "DeleteObject"}

#: Calls for which AWS asks no permission (STS API reference, GetCallerIdentity).
FREE = {("sts", "GetCallerIdentity")}


@dataclass(frozen=True)
class Call:
    """One API call. `status`: of its answer; 0 where it is not known."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0

    def ended(self, status: int) -> Call:
        return replace(self, status=status)


@dataclass(frozen=True)
class Place:
    """Where calls are made. `tags(resource id)`: the tags of a thing, for conditions on them."""

    region: str
    account: str
    tags: Callable[[str], Mapping[str, str]] = lambda _: {}

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def tagged(self, resource: str) -> dict[str, str]:
        return {f"aws:ResourceTag/{key}": value for key, value in self.tags(resource).items()}


def needs(call: Call, place: Place) -> list[Need]:
    """Return all that a call needs. Raises LookupError for a call that is not known."""
    if (call.service, call.operation) in FREE:
        return []
    return list(SERVICES[call.service](call, place))


def _s3(call: Call, place: Place) -> Iterator[Need]:
    name = S3_ACTIONS.get(call.operation, call.operation)
    bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
    if name in S3_OBJECTS:
        yield Need(f"s3:{name}", f"{bucket}/{call.parameters['Key']}")
        if name == "PutObject" and ACL_PARAMETERS & call.parameters.keys():
            # S3 API reference, PutObject, "Permissions".
            yield Need("s3:PutObjectAcl", f"{bucket}/{call.parameters['Key']}")
        if name == "GetObject" and call.status == 404:
            # Without it the answer would be 403 (S3 API reference, GetObject, "Permissions").
            yield Need("s3:ListBucket", bucket)
    elif name == "ListBucket":
        prefix = call.parameters.get("Prefix")
        yield Need("s3:ListBucket", bucket, {} if prefix is None else {"s3:prefix": prefix})
    else:
        raise LookupError(call)


def _sqs(call: Call, place: Place) -> Iterator[Need]:
    queue = call.parameters.get("QueueName") or call.parameters["QueueUrl"].rpartition("/")[2]
    yield Need(f"sqs:{call.operation.removesuffix('Batch')}", place.arn("sqs", queue))


def _logs(call: Call, place: Place) -> Iterator[Need]:
    group = place.arn("logs", f"log-group:{call.parameters['logGroupName']}")
    stream = call.parameters.get("logStreamName", "")
    yield Need(f"logs:{call.operation}", f"{group}:log-stream:{stream}")


def _ecs(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"ecs:{call.operation}", call.parameters
    cluster = str(values.get("cluster", "")).rpartition("/")[2]
    kinds = {
        "UpdateService": ("service", "service"),
        "DeleteService": ("service", "service"),
        "DescribeServices": ("service", "services"),
        "DescribeTasks": ("task", "tasks"),
        "GetTaskProtection": ("task", "tasks"),
        "UpdateTaskProtection": ("task", "tasks"),
        "StopTask": ("task", "task"),
        "DescribeContainerInstances": ("container-instance", "containerInstances"),
        "UpdateContainerInstancesState": ("container-instance", "containerInstances"),
    }
    if call.operation in kinds:
        kind, parameter = kinds[call.operation]
        for name in as_list(values[parameter]):
            resource = place.arn("ecs", f"{kind}/{cluster}/{name.rpartition('/')[2]}")
            yield Need(
                action,
                resource,
                place.tagged(resource) | {"ecs:cluster": place.arn("ecs", f"cluster/{cluster}")},
            )
    elif call.operation == "ListTasks":
        # "… is not authorized to perform: ecs:ListTasks on resource: *" (cdklabs/construct-hub#1207): the
        # reference names container-instance alone, which counts only for calls that name one.
        yield Need(action, "*", {"ecs:cluster": place.arn("ecs", f"cluster/{cluster}")})
    elif call.operation in ("ListContainerInstances", "DeregisterContainerInstance", "DeleteCluster"):
        yield Need(action, place.arn("ecs", f"cluster/{cluster}"))
    elif call.operation == "DescribeClusters":
        for name in values["clusters"]:
            yield Need(action, place.arn("ecs", f"cluster/{name.rpartition('/')[2]}"))
    elif call.operation in ("ListTaskDefinitions", "DescribeTaskDefinition", "DeregisterTaskDefinition"):
        yield Need(action, "*")
    else:
        raise LookupError(call)


def _ec2(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"ec2:{call.operation}", call.parameters
    things = {
        "TerminateInstances": ("instance", "InstanceIds"),
        "CancelSpotFleetRequests": ("spot-fleet-request", "SpotFleetRequestIds"),
        "ModifySpotFleetRequest": ("spot-fleet-request", "SpotFleetRequestId"),
        "DeleteLaunchTemplate": ("launch-template", "LaunchTemplateId"),
    }
    if call.operation in things:
        kind, parameter = things[call.operation]
        for name in as_list(values[parameter]):
            yield Need(action, place.arn("ec2", f"{kind}/{name}"), place.tagged(name))
    elif call.operation.startswith("Describe"):
        yield Need(action, "*")
    else:
        raise LookupError(call)


def _cloudwatch(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"cloudwatch:{call.operation}", call.parameters
    if call.operation == "PutMetricAlarm":
        yield Need(action, place.arn("cloudwatch", f"alarm:{values['AlarmName']}"))
        if values.get("Tags"):
            yield Need("cloudwatch:TagResource", place.arn("cloudwatch", f"alarm:{values['AlarmName']}"))
    elif call.operation == "DeleteAlarms":
        for name in values["AlarmNames"]:
            yield Need(action, place.arn("cloudwatch", f"alarm:{name}"))
    elif call.operation == "DescribeAlarms":
        yield Need(action, place.arn("cloudwatch", "alarm:*"))
    elif call.operation == "DeleteDashboards":
        for name in values["DashboardNames"]:
            yield Need(action, f"arn:aws:cloudwatch::{place.account}:dashboard/{name}")
    else:
        raise LookupError(call)


def _events(call: Call, place: Place) -> Iterator[Need]:
    name = call.parameters.get("Rule") or call.parameters["Name"]
    yield Need(f"events:{call.operation}", place.arn("events", f"rule/{name}"))


def _lambda(call: Call, place: Place) -> Iterator[Need]:
    yield Need(f"lambda:{call.operation}", place.arn("lambda", f"function:{call.parameters['FunctionName']}"))


def _sns(call: Call, place: Place) -> Iterator[Need]:
    yield Need(f"sns:{call.operation}", call.parameters["TopicArn"])


SERVICES: dict[str, Callable[[Call, Place], Iterator[Need]]] = {
    "s3": _s3,
    "sqs": _sqs,
    "logs": _logs,
    "ecs": _ecs,
    "ec2": _ec2,
    "cloudwatch": _cloudwatch,
    "events": _events,
    "lambda": _lambda,
    "sns": _sns,
}
