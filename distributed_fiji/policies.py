"""IAM policies as pure functions: who may do what, on exactly which queue, bucket, cluster and log group."""

from __future__ import annotations

from typing import Any

from distributed_fiji.settings import Settings

#: AWS's own policy for the fleet role: it starts, tags and ends instances for a spot fleet
#: (EC2 user guide, "Spot Fleet permissions"); AWS advises against writing it oneself.
FLEET_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonEC2SpotFleetTaggingRole"


def trust(service: str) -> dict[str, Any]:
    """Return the trust policy of a role that one AWS service may take on."""
    return _document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def task_policy(settings: Settings, account: str) -> dict[str, Any]:
    """Return what a worker may do: take jobs from one queue, read and write its buckets, log,
    and protect tasks of its cluster against scale-in."""
    region = settings.AWS_REGION
    queue = f"arn:aws:sqs:{region}:{account}:{settings.SQS_QUEUE_NAME}"
    readable = sorted({settings.AWS_BUCKET, settings.SOURCE_BUCKET, settings.DESTINATION_BUCKET})
    writable = sorted({settings.AWS_BUCKET, settings.DESTINATION_BUCKET})
    return _document(
        [
            _allow(
                ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
                 "sqs:GetQueueAttributes"),
                [queue],
            ),
            _allow(("s3:GetObject",), [f"arn:aws:s3:::{bucket}/*" for bucket in readable]),
            _allow(("s3:ListBucket",), [f"arn:aws:s3:::{bucket}" for bucket in readable]),
            _allow(("s3:PutObject", "s3:AbortMultipartUpload"),
                   [f"arn:aws:s3:::{bucket}/*" for bucket in writable]),
            _allow(("logs:CreateLogStream", "logs:PutLogEvents"),
                   [_log_group(region, account, settings.LOG_GROUP_NAME)]),
            _allow(("ecs:UpdateTaskProtection",),
                   [f"arn:aws:ecs:{region}:{account}:task/{settings.ECS_CLUSTER}/*"]),
        ]
    )  # fmt: skip


def instance_policy(settings: Settings, account: str) -> dict[str, Any]:
    """Return what the ECS agent of a machine may do in its cluster, and what fetching the image needs.

    As AWS's AmazonEC2ContainerServiceforEC2Role, narrowed to one cluster and one log group. `*` stands
    where the action knows no resource: DiscoverPollEndpoint and GetAuthorizationToken.
    """
    region = settings.AWS_REGION
    cluster = f"arn:aws:ecs:{region}:{account}:cluster/{settings.ECS_CLUSTER}"
    instances = f"arn:aws:ecs:{region}:{account}:container-instance/{settings.ECS_CLUSTER}/*"
    return _document(
        [
            _allow(
                ("ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance",
                 "ecs:SubmitTaskStateChange", "ecs:SubmitContainerStateChange",
                 "ecs:SubmitAttachmentStateChanges"),
                [cluster, instances],
            ),
            _allow(
                ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"), [instances]
            ),
            _allow(("ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken"), ["*"]),
            _allow(
                ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
                [f"arn:aws:ecr:*:{account}:repository/*"],
            ),
            _allow(("logs:CreateLogStream", "logs:PutLogEvents"),
                   [_log_group(region, account, settings.machine_log_group)]),
        ]
    )  # fmt: skip


def _log_group(region: str, account: str, name: str) -> str:
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:*"


def _allow(actions: tuple[str, ...], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
