"""Documents for AWS as pure functions: task definition, service, user data, alarm, dashboard, tags.

Nothing here calls AWS. AWS's own casing stays in this module and at the call sites.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from distributed_fiji.names import stuck_alarm_name
from worker.contract.jobs import APP_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TagTypeDef

    # The janitor's Lambda builds alarms with this module, but has no pydantic.
    from distributed_fiji.settings import Settings

#: Seconds between SIGTERM and SIGKILL, as long as a spot notice allows (it comes 120 s ahead).
STOP_TIMEOUT_SECONDS = 110

#: How many of these seconds a running job may use to finish; the rest is for returning it.
STOP_GRACE_SECONDS = STOP_TIMEOUT_SECONDS - 20

#: The most files a container may open. It is plenty for FIJI and transfers, and no more than Docker can give
#: without the right to raise limits (rootless, or inside a container).
OPEN_FILES = 16384

#: A task's volumes, by the folders they are mounted at, so that the root file system can be read-only: what
#: the worker keeps, and what Java, Xvfb and scripts put into /tmp. They start with the image's content and
#: end with the task.
VOLUMES = {"/scratch": "scratch", "/tmp": "tmp"}

#: Minutes with an idle CPU after which a machine counts as stuck.
STUCK_MINUTES = 30

#: A machine is idle if it uses less than a tenth of one processor, and less than 1 % of all of them.
#: CPUUtilization covers all processors, and one busy thread is 0.78 % of 128 (EC2 user guide, "CloudWatch
#: metrics for your instances").
IDLE_PROCESSORS, IDLE_PERCENT = 0.1, 1.0

#: The attribute of a machine that names its app. ECS places a task on any machine of the cluster that has
#: room; another app's machine could neither download the image nor write the log (Netflix/metaflow#78).
APP_ATTRIBUTE = "distributed-fiji.app"


#: The most processors of any EC2 machine (u7in, 896; EC2's list of instance types, 2026).
MOST_PROCESSORS = 896


def tags(app_name: str) -> list[Any]:
    """Return the tag that all of an app's resources have, in the casing of EC2 and IAM.

    Each service's stubs have their own type for tags, incompatible with the others.
    """
    return [{"Key": APP_TAG, "Value": app_name}]


def ecs_tags(app_name: str) -> list[TagTypeDef]:
    """Return the same tag in the casing of ECS."""
    return [{"key": APP_TAG, "value": app_name}]


def worker_environment(
    settings: Settings, queue_url: str, script_url: str, script_sha256: str
) -> dict[str, str]:
    """Return the worker's environment, as worker.contract.ENVIRONMENT lists it. It contains no secret."""
    own = {
        "SQS_QUEUE_URL": queue_url,
        "SCRIPT_DOWNLOAD_URL": script_url,
        "SCRIPT_SHA256": script_sha256,
        "STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
    }
    copied = (
        "APP_NAME",
        "AWS_BUCKET",
        "SOURCE_BUCKET",
        "DESTINATION_BUCKET",
        "AWS_REGION",
        "LOG_GROUP_NAME",
        "EXPECTED_NUMBER_FILES",
        "MIN_FILE_SIZE_BYTES",
        "NECESSARY_STRING",
        "DOWNLOAD_FILES",
        "CHECK_IF_DONE_BOOL",
        "RERUN_ON_NEW_IMAGE",
        "UPLOAD_FLAGS",
        "SQS_MESSAGE_VISIBILITY",
        "HEARTBEAT_SECONDS",
        "JOB_RETRIES",
        "JOB_TIMEOUT_MINUTES",
        "STALL_TIMEOUT_MINUTES",
        "PLUGIN_ERRORS",
        "UNANSWERED",
        "COLLECT_ALL",
        "THUMBNAILS",
        "DISPLAY_MODE",
        "STANDBY",
        "FIJI_RUNNER",
        "LOG_FORMAT",
        "MEMORY",
        "TASKS_PER_MACHINE",
        "CPU_CORES",
    )
    return own | {name: str(getattr(settings, name)) for name in copied}


def task_definition(
    settings: Settings, environment: dict[str, str], *, task_role_arn: str, cpu_units: int
) -> dict[str, Any]:
    """Return the arguments of RegisterTaskDefinition. `cpu_units`: 1024 per processor.

    Privileged only if s3fs mounts the bucket (DOWNLOAD_FILES = False).
    """
    return {
        "family": settings.task_family,
        "taskRoleArn": task_role_arn,
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "volumes": [
            {"name": name, "dockerVolumeConfiguration": {"scope": "task", "driver": "local"}}
            for name in VOLUMES.values()
        ],
        "containerDefinitions": [_container(settings, environment, cpu_units)],
    }


def _container(settings: Settings, environment: dict[str, str], cpu_units: int) -> dict[str, Any]:
    mounted = not settings.DOWNLOAD_FILES
    return {
        "name": settings.APP_NAME,
        "image": settings.DOCKERHUB_TAG,
        "cpu": cpu_units,
        "memory": settings.MEMORY,
        "essential": True,
        "privileged": mounted,
        "stopTimeout": STOP_TIMEOUT_SECONDS,
        "linuxParameters": {"initProcessEnabled": True},
        "ulimits": [{"name": "nofile", "softLimit": OPEN_FILES, "hardLimit": OPEN_FILES}],
        "environment": [{"name": name, "value": environment[name]} for name in sorted(environment)],
        "mountPoints": [
            {"sourceVolume": name, "containerPath": folder, "readOnly": False}
            for folder, name in VOLUMES.items()
        ],
        "readonlyRootFilesystem": not mounted,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": settings.machine_log_group,
                "awslogs-region": settings.AWS_REGION,
                "awslogs-stream-prefix": settings.APP_NAME,
            },
        },
    }


def service(settings: Settings, task_definition_arn: str) -> dict[str, Any]:
    """Return the arguments of CreateService: no task yet, and draining must not wait for replacements.

    minimumHealthyPercent is 0. Otherwise a machine about to be reclaimed drains only after its tasks have
    been replaced elsewhere (ECS developer guide, "Container instance draining").
    """
    alone = settings.TASKS_PER_MACHINE == 1
    return {
        "cluster": settings.ECS_CLUSTER,
        "serviceName": settings.service,
        "taskDefinition": task_definition_arn,
        "desiredCount": 0,
        "launchType": "EC2",
        "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100},
        "placementConstraints": [
            {"type": "memberOf", "expression": f"attribute:{APP_ATTRIBUTE} == {settings.APP_NAME}"},
            *([{"type": "distinctInstance"}] if alone else []),
        ],
        "placementStrategy": [{"type": "spread", "field": "instanceId"}],
        # Otherwise ECS stops tasks to balance the zones (ECS developer guide, "Availability Zone
        # rebalancing").
        "availabilityZoneRebalancing": "DISABLED",
        "tags": ecs_tags(settings.APP_NAME),
        "propagateTags": "SERVICE",
    }


def cpu_units(settings: Settings, smallest_vcpus: int | None) -> int:
    """Return a task's CPU units, which keep ECS from placing more than TASKS_PER_MACHINE on a machine.

    `smallest_vcpus`: processors of the smallest machine type, None if unknown. CPU_CORES limits FIJI and
    nothing else: with fewer units, the first machine would take tasks meant for the second.
    """
    return (smallest_vcpus or settings.TASKS_PER_MACHINE) * 1024 // settings.TASKS_PER_MACHINE


def user_data(cluster: str, app_name: str) -> str:
    """Return the script that makes a machine join the cluster and drain its tasks on a spot notice.

    The agent keeps an ended task's volumes for three hours by default (aws/amazon-ecs-agent, README,
    ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION; the minimum is 1m).
    """
    return "\n".join(
        (
            "#!/bin/bash",
            "cat >> /etc/ecs/ecs.config <<'END'",
            f"ECS_CLUSTER={cluster}",
            "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true",
            "ECS_ENABLE_TASK_IAM_ROLE=true",
            f"ECS_INSTANCE_ATTRIBUTES={json.dumps({APP_ATTRIBUTE: app_name})}",
            "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m",
            f"ECS_CONTAINER_STOP_TIMEOUT={STOP_TIMEOUT_SECONDS}s",
            'ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]',
            "END",
            "",
        )
    )


def named_cluster(data: str) -> str:
    """Return the cluster that machines with some user data join: the agent's default if none is named."""
    named = re.findall(r"""\bECS_CLUSTER=["']?([A-Za-z0-9_-]+)""", data)
    return named[-1] if named else "default"


def stuck_alarm(app_name: str, instance_id: str, region: str, processors: int) -> dict[str, Any]:
    """Return the arguments of PutMetricAlarm: a CPU that is idle for half an hour ends the machine.

    `processors`: how many the machine has; 0 if unknown, which counts as the most there are.
    """
    return {
        "AlarmName": stuck_alarm_name(app_name, instance_id),
        "AlarmDescription": f"Ends machine {instance_id} of {app_name} when it is idle",
        "ActionsEnabled": True,
        "AlarmActions": [f"arn:aws:automate:{region}:ec2:terminate"],
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
        "Statistic": "Average",
        "Period": 60 * 5,
        "EvaluationPeriods": STUCK_MINUTES // 5,
        "DatapointsToAlarm": STUCK_MINUTES // 5,
        "Threshold": min(IDLE_PERCENT, 100 * IDLE_PROCESSORS / (processors or MOST_PROCESSORS)),
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "missing",
        "Tags": tags(app_name),
    }


def dashboard(settings: Settings, fleet_id: str) -> str:
    """Return the body of the run's dashboard: machines, queue, CPU and memory, failures."""
    region, queue = settings.AWS_REGION, settings.SQS_QUEUE_NAME
    service_dimensions = ["ServiceName", settings.service, "ClusterName", settings.ECS_CLUSTER]
    spot = ["FleetRequestId", fleet_id]
    failures = (
        f"SOURCE '{settings.machine_log_group}' | fields @timestamp, @message"
        " | filter @message like /FAILED|TIMED_OUT|STALLED|REJECTED/ | sort @timestamp desc | limit 100"
    )
    return json.dumps(
        {
            "widgets": [
                _metrics(0, 0, region, "Machines", [
                    ["AWS/EC2Spot", "FulfilledCapacity", *spot],
                    ["AWS/EC2Spot", "TargetCapacity", *spot],
                ]),
                _metrics(8, 0, region, "Messages waiting and with workers", [
                    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue],
                    ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", queue],
                    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName",
                     settings.SQS_DEAD_LETTER_QUEUE],
                ]),
                _metrics(16, 0, region, "Processors and memory of the tasks (%)", [
                    ["AWS/ECS", "CPUUtilization", *service_dimensions],
                    ["AWS/ECS", "MemoryUtilization", *service_dimensions],
                ]),
                {
                    "type": "log", "x": 0, "y": 6, "width": 24, "height": 6,
                    "properties": {"query": failures, "region": region, "title": "Failed jobs",
                                   "view": "table"},
                },
            ]
        }
    )  # fmt: skip


def _metrics(x: int, y: int, region: str, title: str, metrics: list[list[str]]) -> dict[str, Any]:
    properties = {
        "metrics": metrics,
        "region": region,
        "title": title,
        "view": "timeSeries",
        "period": 60,
        "stat": "Average",
    }
    return {"type": "metric", "x": x, "y": y, "width": 8, "height": 6, "properties": properties}
