"""The janitor's permissions: one app's resources only, identified by name or tag. Pure functions."""

from __future__ import annotations

from typing import Any

from distributed_fiji.aws.grants import Grant, document, grant, s3_keys
from distributed_fiji.names import janitor_log_group, janitor_name
from distributed_fiji.state.record import Run
from worker.contract.jobs import APP_TAG, state_key


def janitor_policy(run: Run, account: str, *older: Run) -> dict[str, Any]:
    """Return the janitor's policy for the app of a run, in that run's region.

    `older`: runs that are still open, and that began when config.py named other queues or another cluster.
    """
    grants: list[Grant] = []
    for one in (run, *sorted(older, key=lambda item: item.started)):
        grants += [grant for grant in janitor_grants(one, account) if grant not in grants]
    return document(grants)


def janitor_grants(run: Run, account: str) -> list[Grant]:
    """Return the permissions of the janitor."""
    return [*run_grants(run, account), *_itself(run, account)]


def run_grants(run: Run, account: str) -> list[Grant]:
    """Return the permissions needed to watch a run to its end: by the janitor, or by a user with
    `monitor`.
    """
    things = [*_bucket(run), *_queues(run, account), *_ecs(run, account), *_ec2(run, account)]
    return [*things, *_watching(run, account)]


def _bucket(run: Run) -> list[Grant]:
    """The bucket may be listed whole: reading an object that does not exist is answered with 404 only to
    those who may list the bucket (S3 API reference, GetObject, "Permissions"). Which prefix that check
    carries is documented nowhere, so no condition may depend on it.
    """
    bucket = f"arn:aws:s3:::{run.bucket}"
    state, logs = f"{bucket}/{state_key(run.app_name, '*')}", f"{bucket}/exportedlogs/{run.app_name}/*"
    own = (f"{bucket}/{state_key(run.app_name, kind, run.region, '*')}" for kind in ("runs", "memories"))
    return [
        grant("s3: GetObject", state),
        grant("s3: PutObject AbortMultipartUpload", state, logs),
        grant("s3: DeleteObject", *own),
        grant("s3: ListBucket", bucket),
        s3_keys(bucket),
    ]


def _queues(run: Run, account: str) -> list[Grant]:
    queue, dead = (
        f"arn:aws:sqs:{run.region}:{account}:{name}" for name in (run.queue_name, run.dead_letter_queue)
    )
    return [
        grant("sqs: GetQueueUrl GetQueueAttributes ListQueueTags DeleteQueue", queue, dead),
        grant("sqs: ReceiveMessage ChangeMessageVisibility", dead),
    ]


def _ecs(run: Run, account: str) -> list[Grant]:
    base = f"arn:aws:ecs:{run.region}:{account}"
    cluster = f"{base}:cluster/{run.cluster}"
    service = f"{base}:service/{run.cluster}/{run.service}"
    machines, tasks = f"{base}:container-instance/{run.cluster}/*", f"{base}:task/{run.cluster}/*"
    return [
        grant("ecs: DescribeServices UpdateService DeleteService", service),
        grant("ecs: DescribeTasks GetTaskProtection", tasks),
        grant(
            "ecs: StopTask", tasks, condition={"StringEquals": {f"aws:ResourceTag/{APP_TAG}": run.app_name}}
        ),
        grant("ecs: DescribeContainerInstances UpdateContainerInstancesState", machines),
        grant(
            "ecs: ListTasks",
            "*",
            condition={"ArnEquals": {"ecs:cluster": cluster}},
            why_all="listing by family names no container instance, and AWS then asks for the right on `*`"
            " (cdklabs/construct-hub#1207, fabfuel/ecs-deploy#119)",
        ),
        grant(
            "ecs: DescribeClusters DeleteCluster ListContainerInstances DeregisterContainerInstance", cluster
        ),
        grant(
            "ecs: ListTaskDefinitions DescribeTaskDefinition DeregisterTaskDefinition",
            "*",
            why_all="ECS knows no resource for the actions on task definitions",
        ),
    ]


def _ec2(run: Run, account: str) -> list[Grant]:
    base = f"arn:aws:ec2:{run.region}:{account}"
    tagged = {"StringEquals": {f"aws:ResourceTag/{APP_TAG}": run.app_name}}
    fleets = f"{base}:spot-fleet-request/*"
    return [
        grant(
            "ec2: DescribeInstances DescribeSpotFleetRequests DescribeSpotPriceHistory"
            " DescribeLaunchTemplates",
            "*",
            why_all="EC2 knows no resource for what describes",
        ),
        grant("ec2: TerminateInstances", f"{base}:instance/*", condition=tagged),
        grant("ec2: ModifySpotFleetRequest CancelSpotFleetRequests", fleets, condition=tagged),
        grant("ec2: DeleteLaunchTemplate", f"{base}:launch-template/*", condition=tagged),
    ]


def _watching(run: Run, account: str) -> list[Grant]:
    alarms = f"arn:aws:cloudwatch:{run.region}:{account}:alarm"
    workers_log = f"arn:aws:logs:{run.region}:{account}:log-group:{run.machine_log_group}:*"
    return [
        grant("cloudwatch: DescribeAlarms", f"{alarms}:*"),
        grant("cloudwatch: PutMetricAlarm TagResource DeleteAlarms", f"{alarms}:{run.app_name}-stuck-*"),
        grant("cloudwatch: DeleteDashboards", f"arn:aws:cloudwatch::{account}:dashboard/{run.app_name}"),
        grant("logs: FilterLogEvents", workers_log),
    ]


def _itself(run: Run, account: str) -> list[Grant]:
    name, place = janitor_name(run.app_name), f"{run.region}:{account}"
    return [
        grant("events: RemoveTargets DeleteRule", f"arn:aws:events:{place}:rule/{name}"),
        grant("lambda: DeleteFunction", f"arn:aws:lambda:{place}:function:{name}"),
        grant("sns: Publish", f"arn:aws:sns:{place}:{name}"),
        grant(
            "logs: CreateLogStream PutLogEvents",
            f"arn:aws:logs:{place}:log-group:{janitor_log_group(run.app_name)}:*",
            made_by="Lambda, for what the janitor prints",
        ),
    ]
