"""A dry run: calls that only read go to AWS; those that would change something are noted, and answered here.

Both kinds of run use the same code, so a dry run lists the calls of a real one, in the same order. When a
command reads what it would have changed, the noted changes are applied to the answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

#: Operations whose names begin like this change nothing. ReceiveMessage does: it hides messages and counts.
READING = ("Describe", "List", "Get", "Head", "Filter")

#: Parameters that name what a call is about, most specific first. Of a list, the first entry counts.
NAMES = (
    *("Key", "QueueName", "RoleName", "InstanceProfileName", "AWSServiceName", "logGroupName"),
    *("logGroupNamePrefix", "serviceName", "service", "clusterName", "family", "task", "containerInstance"),
    *("taskDefinition", "cluster", "clusters", "FunctionName", "Rule", "DashboardName", "DashboardNames"),
    *("LaunchTemplateName", "LaunchTemplateNames", "LaunchTemplateId", "SpotFleetRequestIds"),
    *("SpotFleetRequestId", "InstanceIds", "VolumeId", "AlarmName", "AlarmNames", "TopicArn", "Name"),
    *("resourceArn", "QueueUrl", "Bucket"),
)


@dataclass(frozen=True)
class Intended:
    """A call that a real run would make.

    `count`: how many items it carries, such as messages; otherwise 1.
    """

    service: str
    operation: str
    name: str
    count: int = 1


@dataclass(frozen=True)
class AnsweredHere:
    """Stands for an HTTP answer that never came."""

    status_code: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


#: What waiters look at, and code that reads AWS's clock.
FINE = {"HTTPStatusCode": 200, "HTTPHeaders": {}}

#: The parameters of a call, and an answer of AWS.
Asked = Mapping[str, Any]
Answer = dict[str, Any]
#: Changes an answer of AWS into what it would be after the noted calls.
Patch = Callable[[Answer], object]


class DryRun:
    """What a command would do. `place` returns region and account, for the names that AWS would assign."""

    def __init__(self, place: Callable[[], tuple[str, str]]) -> None:
        self.calls: list[Intended] = []
        self._place = place
        self._is_off = False
        self._missing: dict[tuple[str, str], Answer] = {}
        self._patches: dict[tuple[str, str], list[Patch]] = {}

    def watch(self, client: Any) -> None:
        """Stop a client from sending anything that changes something."""
        client.meta.events.register("before-parameter-build", _remember)
        client.meta.events.register_first("before-call", partial(self._answer, client))
        client.meta.events.register("after-call", self._show)

    @contextmanager
    def off(self) -> Iterator[None]:
        """Send all calls meanwhile: for a reading that changes nothing for long."""
        self._is_off = True
        try:
            yield
        finally:
            self._is_off = False

    def _answer(
        self, client: Any, model: Any, context: dict[str, Any], **_: Any
    ) -> tuple[Any, dict[str, Any]] | None:
        """Return an answer for a call that changes something, None for one that should be sent."""
        operation, parameters = model.name, context["asked"]
        if self._is_off or operation.startswith(READING):
            return None
        count = len(parameters.get("Entries", (0,)))
        service = model.service_model.service_name
        self.calls.append(Intended(service, operation, name_in(parameters), count))
        if refusal := _refusal(client, operation, parameters):
            return AnsweredHere(400), refusal
        answer = answer_of(operation, parameters, *self._place())
        self._missing |= dict(missing_after(operation, parameters, answer))
        for key, patch in patches_after(operation, parameters):
            self._patches.setdefault(key, []).append(patch)
        return AnsweredHere(), {"ResponseMetadata": dict(FINE), **answer}

    def _show(self, http_response: Any, parsed: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        """Apply the noted changes to the answer of a reading."""
        name = name_in(context["asked"])
        if "Error" in parsed and (model.name, name) in self._missing:
            parsed.clear()
            parsed.update(deepcopy(self._missing[model.name, name]), ResponseMetadata=dict(FINE))
            http_response.status_code = 200
        if "Error" not in parsed:
            for key in {(model.name, name), (model.name, "")}:
                for patch in self._patches.get(key, ()):
                    patch(parsed)


def _refusal(client: Any, operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return AWS's answer about a rule that does not exist, since nothing more is asked about it then."""
    if operation != "RemoveTargets":
        return None
    try:
        client.describe_rule(Name=asked["Rule"])
    except client.exceptions.ResourceNotFoundException as error:
        return dict(error.response)
    except ClientError:
        pass  # without permission to look, assume that it exists
    return None


def _remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = params


def name_in(parameters: Asked) -> str:
    """Return the name of what a call is about, '' if it has none."""
    value = next((parameters[name] for name in NAMES if parameters.get(name)), "")
    text = str(value[0] if isinstance(value, list) else value)
    return text.rpartition("/")[2] if "QueueUrl" in parameters else text


def answer_of(operation: str, asked: Asked, region: str, account: str) -> Answer:
    """Return AWS's answer, as far as commands need it."""
    name = name_in(asked)

    def arn(service: str, rest: str, place: str = region) -> str:
        return f"arn:aws:{service}:{place}:{account}:{rest}"

    match operation:
        case "CreateQueue":
            return {"QueueUrl": f"https://sqs.{region}.amazonaws.com/{account}/{name}"}
        case "CreateRole":
            # URL-encoded JSON, which botocore decodes.
            trust = {"AssumeRolePolicyDocument": asked["AssumeRolePolicyDocument"]}
            return {"Role": {"RoleName": name, "Arn": arn("iam", f"role/{name}", ""), **trust}}
        case "CreateInstanceProfile":
            return {"InstanceProfile": {"InstanceProfileName": name, "Roles": []}}
        case "RegisterTaskDefinition":
            return {"taskDefinition": {"taskDefinitionArn": arn("ecs", f"task-definition/{name}:0")}}
        case "CreateTopic":
            return {"TopicArn": arn("sns", name)}
        case "CreateFunction":
            return {"FunctionArn": arn("lambda", f"function:{name}")}
        case "PutRule":
            return {"RuleArn": arn("events", f"rule/{name}")}
        case "CreateLaunchTemplate":
            return {"LaunchTemplate": {"LaunchTemplateId": "lt-0", "LatestVersionNumber": 1}}
        case "CreateLaunchTemplateVersion":
            return {"LaunchTemplateVersion": {"LaunchTemplateId": "lt-0", "VersionNumber": 1}}
        case "RequestSpotFleet":
            return {"SpotFleetRequestId": "sfr-0"}
        case "PutObject":
            return {"ETag": '"0"'}
    return {"Successful": asked["Entries"]} if "Entries" in asked else {}


Later = Iterator[tuple[tuple[str, str], Answer]]


def missing_after(operation: str, asked: Asked, answer: Answer) -> Later:
    """Yield the answers to readings of what a call would have created."""
    name = name_in(asked)
    match operation:
        case "CreateQueue":
            yield ("GetQueueUrl", name), answer
        case "CreateRole":
            trust = {"AssumeRolePolicyDocument": json.loads(asked["AssumeRolePolicyDocument"])}
            yield ("GetRole", name), {"Role": answer["Role"] | trust}
            yield ("ListAttachedRolePolicies", name), {"AttachedPolicies": []}
        case "PutRolePolicy":
            yield ("GetRolePolicy", name), {"PolicyDocument": json.loads(asked["PolicyDocument"])}
        case "CreateInstanceProfile":
            yield ("GetInstanceProfile", name), answer
        case "CreateTopic":
            yield ("ListSubscriptionsByTopic", answer["TopicArn"]), {"Subscriptions": []}
        case "CreateLaunchTemplate":
            template = {"LaunchTemplateName": name, **answer["LaunchTemplate"]}
            yield ("DescribeLaunchTemplates", name), {"LaunchTemplates": [template]}
        case "CreateFunction":
            made = {key: value for key, value in asked.items() if key not in ("Code", "Tags")}
            state = {"State": "Active", "LastUpdateStatus": "Successful"}
            made |= {**answer, **state, "CodeSha256": _digest(asked["Code"]["ZipFile"])}
            yield ("GetFunctionConfiguration", name), made
            yield ("GetFunction", name), {"Configuration": made}
        case "CreateLogGroup":
            yield ("ListTagsForResource", f"log-group:{name}"), {"tags": asked.get("tags", {})}


def _digest(package: bytes) -> str:
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


#: A reading, the name of what it is about ('': anything), and the change to its answer.
Change = tuple[str, Callable[[Asked], str], Callable[[Asked, Answer], object]]


def _any(asked: Asked) -> str:
    return ""


def _cluster(asked: Asked) -> str:
    return str(asked["cluster"])


def _each(answer: Answer, key: str, **changed: Any) -> None:
    for item in answer.get(key, ()):
        item.update(changed)


def _policy_put(asked: Asked, answer: Answer) -> None:
    answer.update(PolicyDocument=json.loads(asked["PolicyDocument"]))


def _trust_updated(asked: Asked, answer: Answer) -> None:
    answer["Role"].update(AssumeRolePolicyDocument=json.loads(asked["PolicyDocument"]))


def _boundary_put(asked: Asked, answer: Answer) -> None:
    boundary = {"PermissionsBoundaryArn": asked["PermissionsBoundary"]}
    answer["Role"].update(PermissionsBoundary=boundary)


def _function_updated(asked: Asked, answer: Answer) -> None:
    answer.update(asked)


def _code_updated(asked: Asked, answer: Answer) -> None:
    answer.update(CodeSha256=_digest(asked["ZipFile"]))


def _log_group_created(asked: Asked, answer: Answer) -> None:
    name = name_in(asked)
    answer.update(logGroups=[{"logGroupName": name, "arn": f"log-group:{name}"}])


def _retention_put(asked: Asked, answer: Answer) -> None:
    _each(answer, "logGroups", retentionInDays=asked["retentionInDays"])


def _fleet_cancelled(asked: Asked, answer: Answer) -> None:
    _each(answer, "SpotFleetRequestConfigs", SpotFleetRequestState="cancelled_terminating")


def _machines_ended(asked: Asked, answer: Answer) -> None:
    answer.update(Reservations=[])


def _object_deleted(asked: Asked, answer: Answer) -> None:
    answer.update(Contents=[item for item in answer.get("Contents", ()) if item["Key"] != asked["Key"]])


def _service_deleted(asked: Asked, answer: Answer) -> None:
    _each(answer, "clusters", activeServicesCount=0)


def _cluster_emptied(asked: Asked, answer: Answer) -> None:
    counts = ("registeredContainerInstancesCount", "runningTasksCount", "pendingTasksCount")
    _each(answer, "clusters", **dict.fromkeys(counts, 0))


def _instance_deregistered(asked: Asked, answer: Answer) -> None:
    gone, known = asked["containerInstance"], answer["containerInstanceArns"]
    answer.update(containerInstanceArns=[arn for arn in known if arn != gone])


#: The changes that follow a call, by operation.
CHANGES: Mapping[str, tuple[Change, ...]] = {
    # IAM
    "PutRolePolicy": (("GetRolePolicy", name_in, _policy_put),),
    "UpdateAssumeRolePolicy": (("GetRole", name_in, _trust_updated),),
    "PutRolePermissionsBoundary": (("GetRole", name_in, _boundary_put),),
    # Lambda
    "UpdateFunctionConfiguration": (("GetFunctionConfiguration", name_in, _function_updated),),
    "UpdateFunctionCode": (("GetFunctionConfiguration", name_in, _code_updated),),
    # CloudWatch Logs
    "CreateLogGroup": (("DescribeLogGroups", name_in, _log_group_created),),
    "PutRetentionPolicy": (("DescribeLogGroups", name_in, _retention_put),),
    # EC2
    "CancelSpotFleetRequests": (
        ("DescribeSpotFleetRequests", name_in, _fleet_cancelled),
        ("DescribeInstances", _any, _machines_ended),
    ),
    # S3
    "DeleteObject": (("ListObjectsV2", _any, _object_deleted),),
    # ECS
    "DeleteService": (("DescribeClusters", _cluster, _service_deleted),),
    "DeregisterContainerInstance": (
        ("DescribeClusters", _cluster, _cluster_emptied),
        ("ListContainerInstances", _cluster, _instance_deregistered),
    ),
}


def patches_after(operation: str, asked: Asked) -> Iterator[tuple[tuple[str, str], Patch]]:
    """Yield how answers about existing things change after a call that changes or removes them."""
    for reading, about, change in CHANGES.get(operation, ()):
        yield (reading, about(asked)), partial(change, asked)
