"""IAM policies as pure functions: who may do what, on exactly which queue, bucket, cluster and log group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distributed_fiji.aws.grants import Grant, denial, document, grant, s3_keys
from distributed_fiji.registry import ECR_HOST, parse_image
from distributed_fiji.settings import Settings
from worker.contract.flags import GRANTS, read_flags
from worker.contract.jobs import APP_TAG, state_key

#: AWS's own policy for the fleet role, which starts, tags and ends instances for a spot fleet (EC2 user
#: guide, "Spot Fleet permissions"). AWS advises against writing your own.
FLEET_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonEC2SpotFleetTaggingRole"

#: What AmazonEC2ContainerServiceforEC2Role allows the agent (ECS developer guide, "Container instance IAM
#: role").
AGENT = "the ECS agent on the machine"


#: The parts of an app's state that only commands and the janitor write; workers write the rest.
RECORDS = (
    *("run.json", "runs/*", "current/*", "submissions/*", "names/*"),
    *("scripts/*", "machines/*", "machine-types.json", "memories/*", "endings/*", "rounds/*"),
)


def trust(service: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the trust policy of a role that one AWS service may assume, under a condition if any."""
    allow = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allow | ({"Condition": condition} if condition else {})]}


def tasks_of(region: str, account: str) -> dict[str, Any]:
    """Return the condition that ECS assumes a role for tasks of one region and account.

    It cannot be narrower, since ECS does not give the cluster here (ECS developer guide, "Amazon ECS task IAM
    role", on the confused deputy). For EC2, spot fleets and Lambda, no such condition is documented, so their
    roles have none.
    """
    return {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{region}:{account}:*"},
    }


def task_policy(settings: Settings, account: str) -> dict[str, Any]:
    """Return the policy of a worker's role."""
    return document(task_grants(settings, account))


def task_grants(settings: Settings, account: str) -> list[Grant]:
    """Return what a worker may do.

    It takes jobs from one queue, sends jobs of a bundle on to it alone, reads and writes its buckets, logs,
    and protects its task from scale-in (the ECS agent requests that with the task's role).

    Outputs may go anywhere in a bucket, so all of it is writable, except the records of runs of any app. IAM
    has no pattern for the remaining state of other apps. A bucket may be listed as a whole: otherwise, S3
    answers 403 instead of 404 for a missing object.
    """
    region = settings.AWS_REGION
    readable = settings.readable_buckets
    writable = sorted({settings.AWS_BUCKET, settings.DESTINATION_BUCKET})
    return [
        grant(
            "sqs: ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes SendMessage",
            f"arn:aws:sqs:{region}:{account}:{settings.SQS_QUEUE_NAME}",
        ),
        grant("s3: GetObject", *(f"arn:aws:s3:::{bucket}/*" for bucket in readable)),
        grant("s3: ListBucket", *(f"arn:aws:s3:::{bucket}" for bucket in readable)),
        grant("s3: PutObject AbortMultipartUpload", *(f"arn:aws:s3:::{bucket}/*" for bucket in writable)),
        denial(
            "s3: PutObject",
            *(f"arn:aws:s3:::{bucket}/{state_key('*', record)}" for bucket in writable for record in RECORDS),
        ),
        *_script_grants(settings, readable),
        *_upload_grants(settings),
        s3_keys(*(f"arn:aws:s3:::{bucket}" for bucket in readable)),
        *_console_grants(settings, account),
        grant(
            "ecs: UpdateTaskProtection",
            f"arn:aws:ecs:{region}:{account}:task/{settings.ECS_CLUSTER}/*",
            condition={"StringEquals": {f"aws:ResourceTag/{APP_TAG}": settings.APP_NAME}},
        ),
    ]


def _console_grants(settings: Settings, account: str) -> Iterator[Grant]:
    """Yield what is needed to send FIJI's console to CloudWatch."""
    if settings.LOG_GROUP_NAME:
        group = _log_group(settings.AWS_REGION, account, settings.LOG_GROUP_NAME)
        yield grant("logs: CreateLogStream PutLogEvents", group)


def _script_grants(settings: Settings, readable: list[str]) -> Iterator[Grant]:
    """Yield what is needed to download a script from a separate bucket."""
    bucket, _, key = settings.SCRIPT_DOWNLOAD_URL.removeprefix("s3://").partition("/")
    if settings.SCRIPT_DOWNLOAD_URL.startswith("s3://") and bucket not in readable:
        yield grant("s3: GetObject", f"arn:aws:s3:::{bucket}/{key}")
        yield s3_keys(f"arn:aws:s3:::{bucket}")


def _upload_grants(settings: Settings) -> Iterator[Grant]:
    """Yield what UPLOAD_FLAGS need.

    Without the right to set an ACL, an upload that sets one is refused, after FIJI has run (S3 API reference,
    PutObject, "Permissions").
    """
    arguments = read_flags(settings.UPLOAD_FLAGS).arguments
    if {"ACL", *GRANTS.values()} & arguments.keys():
        yield grant("s3: PutObjectAcl", f"arn:aws:s3:::{settings.DESTINATION_BUCKET}/*")


def instance_policy(settings: Settings, account: str) -> dict[str, Any]:
    """Return the policy of a machine's role."""
    return document(instance_grants(settings, account))


def instance_grants(settings: Settings, account: str) -> list[Grant]:
    """Return what a machine's ECS agent may do in its cluster, and what downloading the image needs.

    Like AWS's own policy for machines, narrowed to one cluster, one log group and the image's repository.
    """
    region = settings.AWS_REGION
    cluster = f"arn:aws:ecs:{region}:{account}:cluster/{settings.ECS_CLUSTER}"
    instances = f"arn:aws:ecs:{region}:{account}:container-instance/{settings.ECS_CLUSTER}/*"
    return [
        grant(
            "ecs: RegisterContainerInstance DeregisterContainerInstance SubmitTaskStateChange"
            " SubmitContainerStateChange SubmitAttachmentStateChanges",
            cluster,
            made_by=AGENT,
        ),
        grant("ecs: Poll StartTelemetrySession UpdateContainerInstancesState", instances, made_by=AGENT),
        grant(
            "ecs: DiscoverPollEndpoint",
            "*",
            made_by=AGENT,
            why_all="asks where the agent's endpoint is, before anything is known; it has no resource",
        ),
        *_image_grants(settings.DOCKERHUB_TAG),
        grant(
            "logs: CreateLogStream PutLogEvents",
            _log_group(region, account, settings.machine_log_group),
            made_by="Docker's awslogs driver on the machine",
        ),
    ]


def _image_grants(image: str) -> Iterator[Grant]:
    """Yield what is needed to download an image from Amazon's registry.

    For other registries, no role helps.
    """
    parsed = parse_image(image)
    found = ECR_HOST.fullmatch(parsed.host)
    if found is None:
        return
    yield grant(
        "ecr: GetAuthorizationToken",
        "*",
        made_by=AGENT,
        why_all="signs in to the registry as a whole; it has no resource",
    )
    yield grant(
        "ecr: BatchCheckLayerAvailability GetDownloadUrlForLayer BatchGetImage",
        f"arn:aws:ecr:{found[2]}:{found[1]}:repository/{parsed.repository}",
        made_by=AGENT,
    )


def _log_group(region: str, account: str, name: str) -> str:
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:*"
