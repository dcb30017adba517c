"""What each API call needs: IAM actions on resources, with the condition keys that AWS adds to a request.

From the Service Authorization Reference and the "Permissions" parts of the API references. An unknown call is
an error, so that new ones must be considered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from distributed_fiji.aws.roles import SERVICE_LINKED_ROLES
from tests.policy.evaluator import Need, as_list

#: S3 operations that need another operation's action.
S3_ACTIONS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
}
#: Operations on a bucket, with the actions that they need.
S3_BUCKETS = {
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
}
ACL_PARAMETERS = {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"}
S3_OBJECTS = {"GetObject", "PutObject", "AbortMultipartUpload", "DeleteObject"}

#: The services that AWS's own roles are for, by the roles' names; their path is part of their ARN.
LINKED = SERVICE_LINKED_ROLES

#: Calls that need no permission (STS API reference, GetCallerIdentity).
FREE = {("sts", "GetCallerIdentity")}


@dataclass(frozen=True)
class Call:
    """One API call. `status`: of its answer; 0 if unknown."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0

    def ended(self, status: int) -> Call:
        return replace(self, status=status)


@dataclass(frozen=True)
class Place:
    """Where calls are made. `tags(resource id)`: a resource's tags, for conditions on them.

    `key_of(bucket)`: the ARN of the KMS key that encrypts a bucket, '' if it has none of its own.
    """

    region: str
    account: str
    tags: Callable[[str], Mapping[str, str]] = lambda _: {}
    key_of: Callable[[str], str] = lambda _: ""

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def tagged(self, resource: str) -> dict[str, str]:
        return {f"aws:ResourceTag/{key}": value for key, value in self.tags(resource).items()}


def needs(call: Call, place: Place) -> list[Need]:
    """Return everything that a call needs. Raises LookupError for an unknown call."""
    if (call.service, call.operation) in FREE:
        return []
    if call.service not in SERVICES:
        raise LookupError(call)
    return list(SERVICES[call.service](call, place))


def _s3(call: Call, place: Place) -> Iterator[Need]:
    name = S3_ACTIONS.get(call.operation, call.operation)
    if name == "ListBuckets":
        yield Need("s3:ListAllMyBuckets", "*")
        return
    bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
    if name in S3_BUCKETS:
        yield Need(f"s3:{S3_BUCKETS[name]}", bucket)
        return
    if name == "DeleteObjects":
        for item in call.parameters["Delete"]["Objects"]:
            yield Need("s3:DeleteObject", f"{bucket}/{item['Key']}")
    elif name in S3_OBJECTS:
        resource = f"{bucket}/{call.parameters['Key']}"
        yield Need(f"s3:{name}", resource)
        if name == "PutObject" and ACL_PARAMETERS & call.parameters.keys():
            # S3 API reference, PutObject, "Permissions".
            yield Need("s3:PutObjectAcl", resource)
        if name == "GetObject" and call.status == 404:
            # Without it, the answer would be 403 (S3 API reference, GetObject, "Permissions").
            yield Need("s3:ListBucket", bucket)
        yield from _kms(call.operation, call.parameters["Bucket"], resource, place)
    elif name == "ListBucket":
        prefix = call.parameters.get("Prefix")
        yield Need("s3:ListBucket", bucket, {} if prefix is None else {"s3:prefix": prefix})
    else:
        raise LookupError(call)


def _kms(operation: str, bucket: str, resource: str, place: Place) -> Iterator[Need]:
    """Yield what S3 requests of KMS on the caller's behalf if the bucket has a key.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys"; parts need Decrypt as well
    ("Uploading a large file … with KMS").
    """
    key = place.key_of(bucket)
    actions = {
        "GetObject": ("Decrypt",),
        "PutObject": ("GenerateDataKey",),
        "CreateMultipartUpload": ("GenerateDataKey", "Decrypt"),
        "UploadPart": ("GenerateDataKey", "Decrypt"),
    }
    for action in actions.get(operation, ()) if key else ():
        context = {
            "kms:EncryptionContext:aws:s3:arn": resource,
            "kms:ViaService": f"s3.{place.region}.amazonaws.com",
        }
        yield Need(f"kms:{action}", key, context)


def _sqs(call: Call, place: Place) -> Iterator[Need]:
    if call.operation == "ListQueues":
        yield Need("sqs:ListQueues", "*")
        return
    queue = call.parameters.get("QueueName") or call.parameters["QueueUrl"].rpartition("/")[2]
    yield Need(f"sqs:{call.operation.removesuffix('Batch')}", place.arn("sqs", queue))
    if call.parameters.get("tags"):
        # CreateQueue with tags needs it, although that is not documented (MassTransit/MassTransit#3806).
        yield Need("sqs:TagQueue", place.arn("sqs", queue))


def _logs(call: Call, place: Place) -> Iterator[Need]:
    values = call.parameters
    if call.operation == "DescribeLogGroups":
        yield Need("logs:DescribeLogGroups", "*")
    elif call.operation == "ListTagsForResource":
        # The emulators of logs and of everything else have different accounts.
        yield Need("logs:ListTagsForResource", place.arn("logs", values["resourceArn"].split(":", 5)[5]))
    else:
        group = place.arn("logs", f"log-group:{values['logGroupName']}")
        yield Need(f"logs:{call.operation}", f"{group}:log-stream:{values.get('logStreamName', '')}")
        if values.get("tags"):
            yield Need("logs:TagResource", group)


#: ECS calls about things in a cluster: the kind of thing, and the parameter that names them.
ECS_THINGS = {
    "CreateService": ("service", "serviceName"),
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
ECS_CLUSTERS = (
    "ListContainerInstances",
    "RegisterContainerInstance",
    "DeregisterContainerInstance",
    "SubmitTaskStateChange",
    "DeleteCluster",
)
ECS_ALL = ("ListClusters", "ListTaskDefinitions", "DescribeTaskDefinition", "DeregisterTaskDefinition")


def _ecs(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"ecs:{call.operation}", call.parameters
    cluster = str(values.get("cluster", "")).rpartition("/")[2]
    own = {"ecs:cluster": place.arn("ecs", f"cluster/{cluster}")}
    if call.operation in ECS_THINGS:
        kind, parameter = ECS_THINGS[call.operation]
        for name in as_list(values[parameter]):
            resource = place.arn("ecs", f"{kind}/{cluster}/{name.rpartition('/')[2]}")
            yield from _with_tags(Need(action, resource, place.tagged(resource) | own), values)
    elif call.operation in ("ListTasks", "ListServices"):
        # "… is not authorized to perform: ecs:ListTasks on resource: *" (cdklabs/construct-hub#1207). The
        # reference names only container-instance, which applies only to calls that name one.
        yield Need(action, "*", own)
    elif call.operation in ECS_CLUSTERS:
        yield Need(action, place.arn("ecs", f"cluster/{cluster}"))
    elif call.operation == "CreateCluster":
        yield from _with_tags(Need(action, place.arn("ecs", f"cluster/{values['clusterName']}")), values)
    elif call.operation == "DescribeClusters":
        for name in values["clusters"]:
            yield Need(action, place.arn("ecs", f"cluster/{name.rpartition('/')[2]}"))
    elif call.operation == "RegisterTaskDefinition":
        resource = place.arn("ecs", f"task-definition/{values['family']}:*")
        yield from _with_tags(Need(action, resource), values)
        yield _pass(values["taskRoleArn"], "ecs-tasks")
    elif call.operation in ECS_ALL:
        yield Need(action, "*")
    else:
        raise LookupError(call)


def _with_tags(need: Need, values: Mapping[str, Any]) -> Iterator[Need]:
    """Yield a need, and that of tags given with it; each service has its own TagResource."""
    yield need
    if values.get("tags") or values.get("Tags"):
        yield Need(f"{need.action.partition(':')[0]}:TagResource", need.resource)


def _pass(role: str, service: str) -> Need:
    return Need("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})


#: EC2 calls about things: the kind of thing, and the parameter that names them.
EC2_THINGS = {
    "TerminateInstances": ("instance", "InstanceIds"),
    "CancelSpotFleetRequests": ("spot-fleet-request", "SpotFleetRequestIds"),
    "ModifySpotFleetRequest": ("spot-fleet-request", "SpotFleetRequestId"),
    "DescribeSpotFleetInstances": ("spot-fleet-request", "SpotFleetRequestId"),
    "DescribeSpotFleetRequestHistory": ("spot-fleet-request", "SpotFleetRequestId"),
    "DeleteVolume": ("volume", "VolumeId"),
    "DeleteLaunchTemplate": ("launch-template", "LaunchTemplateId"),
    "CreateLaunchTemplateVersion": ("launch-template", "LaunchTemplateName"),
}
#: The resources that are checked when machines start (Service Authorization Reference, RunInstances).
STARTED = ("instance", "network-interface", "security-group", "subnet", "volume", "launch-template")


def _ec2(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"ec2:{call.operation}", call.parameters
    if call.operation in EC2_THINGS:
        kind, parameter = EC2_THINGS[call.operation]
        for name in as_list(values[parameter]):
            yield Need(action, place.arn("ec2", f"{kind}/{name}"), place.tagged(name))
    elif call.operation == "CreateLaunchTemplate":
        yield Need(action, place.arn("ec2", "launch-template/*"))
    elif call.operation == "RequestSpotFleet":
        request = values["SpotFleetRequestConfig"]
        yield Need(action, place.arn("ec2", "spot-fleet-request/*"))
        # EC2 user guide, "Spot Fleet permissions"; Coalfire-Research/npk#148 met the last two.
        for kind in STARTED:
            yield Need("ec2:RunInstances", place.arn("ec2", f"{kind}/*"))
        yield Need("ec2:RunInstances", f"arn:aws:ec2:{place.region}::image/*")
        yield _pass(request["IamFleetRole"], "spotfleet")
    elif call.operation.startswith("Describe") or call.operation == "GetSpotPlacementScores":
        yield Need(action, "*")
    else:
        raise LookupError(call)
    yield from _ec2_tags(call, place)
    profile = values.get("LaunchTemplateData", {}).get("IamInstanceProfile", {}).get("Name")
    if profile:
        # Whoever starts machines with a template passes its role; the profile has the role's name.
        yield _pass(f"arn:aws:iam::{place.account}:role/{profile}", "ec2")


def _ec2_tags(call: Call, place: Place) -> Iterator[Need]:
    values = call.parameters.get("SpotFleetRequestConfig", call.parameters)
    for item in values.get("TagSpecifications") or []:
        context = {"ec2:CreateAction": call.operation}
        yield Need("ec2:CreateTags", place.arn("ec2", f"{item['ResourceType']}/*"), context)


def _iam(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"iam:{call.operation}", call.parameters
    base = f"arn:aws:iam::{place.account}"
    if call.operation == "ListRoles":
        yield Need(action, "*")
    elif call.operation == "CreateServiceLinkedRole":
        service = values["AWSServiceName"]
        context = {"iam:AWSServiceName": service}
        yield Need(action, f"{base}:role/aws-service-role/{service}/x", context)
    elif "InstanceProfileName" in values:
        resource = f"{base}:instance-profile/{values['InstanceProfileName']}"
        yield Need(action, resource)
        if values.get("Tags"):
            yield Need("iam:TagInstanceProfile", resource)
        if call.operation == "AddRoleToInstanceProfile":
            yield _pass(f"{base}:role/{values['RoleName']}", "ec2")
    else:
        name = values["RoleName"]
        path = f"aws-service-role/{LINKED[name]}/" if name in LINKED else ""
        yield Need(action, f"{base}:role/{path}{name}")
        if values.get("Tags"):
            yield Need("iam:TagRole", f"{base}:role/{name}")
        if values.get("PermissionsBoundary") and call.operation == "CreateRole":
            yield Need("iam:PutRolePermissionsBoundary", f"{base}:role/{name}")


def _cloudwatch(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"cloudwatch:{call.operation}", call.parameters
    if call.operation == "PutMetricAlarm":
        yield from _with_tags(Need(action, place.arn("cloudwatch", f"alarm:{values['AlarmName']}")), values)
    elif call.operation == "DeleteAlarms":
        for name in values["AlarmNames"]:
            yield Need(action, place.arn("cloudwatch", f"alarm:{name}"))
    elif call.operation == "DescribeAlarms":
        yield Need(action, place.arn("cloudwatch", "alarm:*"))
    elif call.operation == "ListDashboards":
        yield Need(action, "*")
    elif call.operation in ("PutDashboard", "DeleteDashboards"):
        for name in as_list(values.get("DashboardNames") or values["DashboardName"]):
            yield Need(action, f"arn:aws:cloudwatch::{place.account}:dashboard/{name}")
    else:
        raise LookupError(call)


def _events(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"events:{call.operation}", call.parameters
    if call.operation == "ListRules":
        yield Need(action, "*")
    elif call.operation == "ListTagsForResource":
        yield Need(action, values["ResourceARN"])
    else:
        name = values.get("Rule") or values["Name"]
        yield from _with_tags(Need(action, place.arn("events", f"rule/{name}")), values)


def _lambda(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"lambda:{call.operation}", call.parameters
    if call.operation == "ListFunctions":
        yield Need(action, "*")
    elif call.operation == "ListTags":
        yield Need(action, values["Resource"])
    else:
        resource = place.arn("lambda", f"function:{values['FunctionName']}")
        yield from _with_tags(Need(action, resource), values)
        if values.get("Role"):
            yield _pass(values["Role"], "lambda")


def _sns(call: Call, place: Place) -> Iterator[Need]:
    action, values = f"sns:{call.operation}", call.parameters
    if call.operation == "ListTopics":
        yield Need(action, "*")
    else:
        topic = values.get("TopicArn") or place.arn("sns", values["Name"])
        yield from _with_tags(Need(action, topic), values)


def _ssm(call: Call, place: Place) -> Iterator[Need]:
    # AWS's own parameters belong to no account (Systems Manager user guide, "public parameters").
    yield Need(f"ssm:{call.operation}", f"arn:aws:ssm:{place.region}::parameter{call.parameters['Name']}")


def _ecr(call: Call, place: Place) -> Iterator[Need]:
    values = call.parameters
    account = values.get("registryId", place.account)
    resource = f"arn:aws:ecr:{place.region}:{account}:repository/{values['repositoryName']}"
    yield Need(f"ecr:{call.operation}", resource)


def _pricing(call: Call, place: Place) -> Iterator[Need]:
    yield Need(f"pricing:{call.operation}", "*")


def _quotas(call: Call, place: Place) -> Iterator[Need]:
    values = call.parameters
    quota = place.arn("servicequotas", f"{values['ServiceCode']}/{values['QuotaCode']}")
    yield Need(f"servicequotas:{call.operation}", quota)


SERVICES: dict[str, Callable[[Call, Place], Iterator[Need]]] = {
    "s3": _s3,
    "sqs": _sqs,
    "logs": _logs,
    "ecs": _ecs,
    "ec2": _ec2,
    "iam": _iam,
    "cloudwatch": _cloudwatch,
    "events": _events,
    "lambda": _lambda,
    "sns": _sns,
    "ssm": _ssm,
    "ecr": _ecr,
    "pricing": _pricing,
    "service-quotas": _quotas,
    "servicequotas": _quotas,
}
