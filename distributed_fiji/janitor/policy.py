"""What the janitor may do: one app's things, named or tagged as its own. A pure function.

`*` stands where AWS knows no resource for an action (Service Authorization Reference): the Describe calls of
EC2 and the List calls of ECS and CloudWatch, task definitions, and GetTaskProtection's kin by cluster.
"""

from __future__ import annotations

from typing import Any

from distributed_fiji.janitor.names import function_name, log_group
from distributed_fiji.runfacts import RunFacts
from worker.contract import APP_TAG, state_key


def janitor_policy(run: RunFacts, account: str) -> dict[str, Any]:
    """Return the janitor's policy for the app of a run, in that run's region."""
    statements = [*_bucket(run), *_queues(run, account), *_ecs(run, account), *_ec2(run, account)]
    return {
        "Version": "2012-10-17",
        "Statement": [*statements, *_watching(run, account), *_itself(run, account)],
    }


def _allow(actions: str, resources: list[str] | str, **condition: Any) -> dict[str, Any]:
    """Return a statement; `actions` are of one service, as 'sqs: DeleteQueue GetQueueUrl'."""
    service, _, names = actions.partition(": ")
    statement = {
        "Effect": "Allow",
        "Action": [f"{service}:{name}" for name in names.split()],
        "Resource": [resources] if isinstance(resources, str) else resources,
    }
    return statement | ({"Condition": condition} if condition else {})


def _bucket(run: RunFacts) -> list[dict[str, Any]]:
    bucket = f"arn:aws:s3:::{run.bucket}"
    state, logs = f"{bucket}/{state_key(run.app_name, '*')}", f"{bucket}/exportedlogs/{run.app_name}/*"
    own = [f"{bucket}/{state_key(run.app_name, kind, '*')}" for kind in ("runs", "memories")]
    prefix = {"s3:prefix": state_key(run.app_name, "*")}
    return [
        _allow("s3: GetObject", state),
        _allow("s3: PutObject AbortMultipartUpload", [state, logs]),
        _allow("s3: DeleteObject", own),
        _allow("s3: ListBucket", bucket, StringLike=prefix),
    ]


def _queues(run: RunFacts, account: str) -> list[dict[str, Any]]:
    def arn(name: str) -> str:
        return f"arn:aws:sqs:{run.region}:{account}:{name}"

    both = [arn(run.queue_name), arn(run.dead_letter_queue)]
    return [
        _allow("sqs: GetQueueUrl GetQueueAttributes ListQueueTags DeleteQueue", both),
        _allow("sqs: ReceiveMessage ChangeMessageVisibility", arn(run.dead_letter_queue)),
    ]


def _ecs(run: RunFacts, account: str) -> list[dict[str, Any]]:
    base = f"arn:aws:ecs:{run.region}:{account}"
    cluster = f"{base}:cluster/{run.cluster}"
    machines, tasks = f"{base}:container-instance/{run.cluster}/*", f"{base}:task/{run.cluster}/*"
    return [
        _allow(
            "ecs: DescribeServices UpdateService DeleteService", f"{base}:service/{run.cluster}/{run.service}"
        ),
        _allow("ecs: DescribeTasks GetTaskProtection StopTask", tasks),
        _allow("ecs: DescribeContainerInstances UpdateContainerInstancesState", machines),
        _allow(
            "ecs: DescribeClusters DeleteCluster ListContainerInstances DeregisterContainerInstance", cluster
        ),
        _allow("ecs: ListTasks", "*", ArnEquals={"ecs:cluster": cluster}),
        _allow("ecs: ListTaskDefinitions DescribeTaskDefinition DeregisterTaskDefinition", "*"),
    ]


def _ec2(run: RunFacts, account: str) -> list[dict[str, Any]]:
    base = f"arn:aws:ec2:{run.region}:{account}"
    changed = [f"{base}:{kind}/*" for kind in ("instance", "spot-fleet-request", "launch-template")]
    return [
        _allow("ec2: DescribeInstances DescribeSpotFleetRequests DescribeLaunchTemplates", "*"),
        _allow(
            "ec2: TerminateInstances ModifySpotFleetRequest CancelSpotFleetRequests DeleteLaunchTemplate",
            changed,
            StringEquals={f"aws:ResourceTag/{APP_TAG}": run.app_name},
        ),
    ]


def _watching(run: RunFacts, account: str) -> list[dict[str, Any]]:
    base = f"arn:aws:cloudwatch:{run.region}:{account}"
    groups = [f"arn:aws:logs:{run.region}:{account}:log-group:{name}:*" for name in run.log_groups]
    return [
        _allow("cloudwatch: DescribeAlarms ListDashboards", "*"),
        _allow("cloudwatch: PutMetricAlarm TagResource DeleteAlarms", f"{base}:alarm:{run.app_name}-stuck-*"),
        _allow("cloudwatch: DeleteDashboards", f"arn:aws:cloudwatch::{account}:dashboard/{run.app_name}"),
        _allow("logs: FilterLogEvents", groups),
    ]


def _itself(run: RunFacts, account: str) -> list[dict[str, Any]]:
    name, place = function_name(run.app_name), f"{run.region}:{account}"
    return [
        _allow("events: RemoveTargets DeleteRule", f"arn:aws:events:{place}:rule/{name}"),
        _allow("lambda: DeleteFunction", f"arn:aws:lambda:{place}:function:{name}"),
        _allow("sns: Publish", f"arn:aws:sns:{place}:{name}"),
        _allow(
            "logs: CreateLogStream PutLogEvents",
            f"arn:aws:logs:{place}:log-group:{log_group(run.app_name)}:*",
        ),
    ]
