"""A run as startCluster leaves it, built with plain boto3 calls on the emulators, and jobs in any state."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.documents import user_data
from distributed_fiji.names import role_name
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.jobnames import write_names
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.state.submissions import Submission, write_submission
from worker.contract.jobs import APP_TAG, Job, encode_message, failure_key, job_name, manifest_key

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

REGION = "us-east-1"


class EmulatedSession:
    """The parts of a boto3 session that Clients needs, with each service at its emulator."""

    def __init__(self, control: str, data: str, region: str = REGION) -> None:
        self.control, self.data, self.region_name = control, data, region
        self.boto = boto3.Session("testing", "testing", region_name=region)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process at the emulators."""
        data = {f"AWS_ENDPOINT_URL_{name}": self.data for name in ("SQS", "S3", "CLOUDWATCH_LOGS")}
        return {"AWS_ENDPOINT_URL": self.control, **data}

    def client(self, service: str, config: Any) -> Any:
        url = self.data if service in ("sqs", "s3", "logs") else self.control
        boto: Any = self.boto  # the stubs know services only by literal names
        return boto.client(service, config=config, endpoint_url=url)


#: Exit code of a process that died during a call.
KILLED = 137


class InterruptedSession(EmulatedSession):
    """A session that does something right after its k-th API call has taken effect."""

    def __init__(self, session: EmulatedSession, calls: int, action: Callable[[], object]) -> None:
        super().__init__(session.control, session.data, session.region_name)
        # The existing session has read AWS's service models, which takes longer than a test's calls.
        self.boto = session.boto
        # Threads call too; only one of them must get the k-th.
        self._counted = itertools.count(1)
        self._calls = calls
        self._action = action

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("after-call", self._count)
        return client

    def _count(self, **_: Any) -> None:
        if next(self._counted) == self._calls:
            self._action()


class DyingSession(InterruptedSession):
    """A session whose process dies right after its k-th API call, as if by SIGKILL."""

    def __init__(self, session: EmulatedSession, calls: int) -> None:
        super().__init__(session, calls, lambda: os._exit(KILLED))


class SteppedClock:
    """A clock that advances only by waiting. `on_sleep`: what the world does in the meantime.

    `pace`: how many times longer than requested a wait lasts, as on a machine that was asleep: fewer looks.
    """

    def __init__(self, start: float, on_sleep: Any = None, pace: float = 1) -> None:
        self.time = start
        self.on_sleep = on_sleep
        self.pace = pace

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds * self.pace
        if self.on_sleep:
            self.on_sleep()


@dataclass
class ARun:
    """A run on the emulators, and what tests do to it."""

    record: Run
    clients: Clients
    queue_url: str
    dead_url: str

    @property
    def app(self) -> str:
        return self.record.app_name

    @property
    def bucket(self) -> str:
        return self.record.bucket

    def submit(
        self,
        jobs: Iterable[Job],
        *,
        sent: bool = True,
        at: float | None = None,
        queue_created: str | None = None,
        complete: bool = True,
    ) -> None:
        """Write a submission of jobs and, by default, send them."""
        jobs = list(jobs)
        attributes = self.clients.sqs.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["CreatedTimestamp"]
        )["Attributes"]
        submission = Submission(
            submission_id=f"{time.time_ns()}",
            job_file="jobs.json",
            queue_created=queue_created or attributes["CreatedTimestamp"],
            submitted_at=at or time.time(),
            job_ids=tuple(job.job_id for job in jobs),
            complete=complete,
        )
        write_submission(self.clients.s3, self.bucket, self.app, submission)
        names = ((job.job_id, job_name(job.metadata)) for job in jobs)
        write_names(self.clients.s3, self.bucket, self.app, submission.submission_id, names)
        if sent:
            self.send(jobs)

    def send(self, jobs: Iterable[Job]) -> None:
        """Send jobs without a submission."""
        for job in jobs:
            self.clients.sqs.send_message(QueueUrl=self.queue_url, MessageBody=encode_message(job))

    def take(self) -> MessageTypeDef | None:
        """Receive one message, as a worker would."""
        messages = self.clients.sqs.receive_message(QueueUrl=self.queue_url).get("Messages", [])
        return messages[0] if messages else None

    def work_off(self, count: int = 1) -> None:
        """Do jobs like a worker: write the manifest, then delete the message."""
        for _ in range(count):
            message = self.take()
            assert message is not None
            self.finish(json.loads(message["Body"])["job_id"])
            self.clients.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def finish(self, job_id: str, script: str = "") -> None:
        """Write a job's manifest."""
        key = manifest_key(self.app, job_id)
        body = json.dumps({"job": job_id, "script_sha256": script}).encode()
        self.clients.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def fail(self, job_id: str, attempt: int, reason: str) -> None:
        """Write a failure record, as one whose message said nothing."""
        body = json.dumps({"job_id": job_id, "attempt": attempt, "sentence": reason}).encode()
        self.clients.s3.put_object(Bucket=self.bucket, Key=failure_key(self.app, job_id, attempt), Body=body)

    def give_up(self, *, reported: str = "") -> str:
        """Make SQS give up on a job: move a message to the dead letters; return its job id."""
        message = self.take()
        assert message is not None
        self.clients.sqs.send_message(QueueUrl=self.dead_url, MessageBody=message["Body"])
        self.clients.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        job_id = json.loads(message["Body"])["job_id"]
        if reported:
            self.fail(job_id, 1, reported)
        return str(job_id)

    def machines(self) -> list[str]:
        """Return the ids of the fleet's running machines."""
        found = self.clients.ec2.describe_instances(
            Filters=[
                {"Name": f"tag:{APP_TAG}", "Values": [self.app]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        )
        return [
            item["InstanceId"] for reservation in found["Reservations"] for item in reservation["Instances"]
        ]

    def join(self, instance_id: str, tasks: int = 1) -> str:
        """Let a machine join the cluster and run tasks; return its container instance."""
        ecs = self.clients.ecs
        document = json.dumps({"instanceId": instance_id, "region": REGION})
        place = ecs.register_container_instance(
            cluster=self.record.cluster, instanceIdentityDocument=document
        )["containerInstance"]["containerInstanceArn"]
        for _ in range(tasks):
            ecs.start_task(
                cluster=self.record.cluster,
                taskDefinition=self.record.task_family,
                containerInstances=[place],
            )
        return place

    def report_stopped_tasks(self) -> None:
        """Report, like an agent, that the tasks which should stop have stopped."""
        ecs, cluster = self.clients.ecs, self.record.cluster
        for arn in ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]:
            ecs.submit_task_state_change(cluster=cluster, task=arn, status="STOPPED")


def some_jobs(count: int, start: int = 0) -> list[Job]:
    """Return different jobs."""
    return [Job({"Well": f"W{number:05}"}, "out") for number in range(start, start + count)]


def a_run(
    clients: Clients,
    app: str,
    *,
    machines: int = 2,
    cluster: str | None = None,
    bucket: str | None = None,
) -> ARun:
    """Create what setup and startCluster create, and return it with its record."""
    settings, _ = parse_settings(
        {
            "APP_NAME": app,
            "AWS_BUCKET": bucket or f"bucket-{app.lower()}",
            "AWS_REGION": clients.region,
            "SCRIPT_DOWNLOAD_URL": "s3://b/script.py",
            "ECS_CLUSTER": cluster or f"{app}Cluster",
            "CLUSTER_MACHINES": machines,
        }
    )
    tag = {APP_TAG: app}
    _bucket(clients, settings.AWS_BUCKET)
    dead = clients.sqs.create_queue(QueueName=settings.SQS_DEAD_LETTER_QUEUE, tags=tag)["QueueUrl"]
    queue = clients.sqs.create_queue(QueueName=settings.SQS_QUEUE_NAME, tags=tag)["QueueUrl"]
    for group in (settings.LOG_GROUP_NAME, settings.machine_log_group):
        clients.logs.create_log_group(logGroupName=group, tags=tag)
    _roles(clients.iam, app, clients.region)
    _ecs(clients.ecs, settings, queue)
    fleet = _fleet(clients.ec2, settings)
    clients.cloudwatch.put_dashboard(DashboardName=app, DashboardBody=json.dumps({"widgets": []}))
    record = new_run(settings, started=time.time() - 1, run_id=f"token-{app}", local=False)
    return ARun(replace(record, fleet_id=fleet, ready=True), clients, queue, dead)


def _bucket(clients: Clients, name: str) -> None:
    """Create a bucket, unless another run has created it."""
    place: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": clients.region}}
    with contextlib.suppress(clients.s3.exceptions.BucketAlreadyOwnedByYou):
        clients.s3.create_bucket(Bucket=name, **({} if clients.region == REGION else place))


def _roles(iam: Any, app: str, region: str) -> None:
    allow = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    for purpose in ("instance", "fleet", "task"):
        name = role_name(app, region, purpose)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=[{"Key": APP_TAG, "Value": app}])
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    profile = role_name(app, region, "instance")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=profile)


def _ecs(ecs: Any, settings: Any, queue_url: str) -> None:
    tags = [{"key": APP_TAG, "value": settings.APP_NAME}]
    ecs.create_cluster(clusterName=settings.ECS_CLUSTER, tags=tags)
    environment = {
        "SQS_QUEUE_URL": queue_url,
        "AWS_BUCKET": settings.AWS_BUCKET,
        "LOG_GROUP_NAME": settings.LOG_GROUP_NAME,
    }
    ecs.register_task_definition(
        family=settings.task_family,
        containerDefinitions=[
            {
                "name": settings.APP_NAME,
                "image": "worker",
                "memory": 512,
                "environment": [{"name": key, "value": value} for key, value in environment.items()],
            }
        ],
        tags=tags,
    )
    ecs.create_service(
        cluster=settings.ECS_CLUSTER,
        serviceName=settings.service,
        taskDefinition=settings.task_family,
        desiredCount=settings.tasks,
        tags=tags,
    )


def _fleet(ec2: Any, settings: Any) -> str:
    tags = [{"Key": APP_TAG, "Value": settings.APP_NAME}]
    ec2.create_launch_template(
        LaunchTemplateName=settings.launch_template,
        LaunchTemplateData={
            "ImageId": "ami-12c6146b",
            "UserData": base64.b64encode(
                user_data(settings.ECS_CLUSTER, settings.APP_NAME).encode()
            ).decode(),
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        },
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )
    token = f"token-{settings.APP_NAME}"
    return _request(ec2, settings.APP_NAME, settings.launch_template, settings.CLUSTER_MACHINES, token)


def a_later_run(run: ARun) -> ARun:
    """Return a later run of the same app, with its own fleet."""
    record, token = run.record, f"later-{run.app}"
    fleet = _request(run.clients.ec2, run.app, record.launch_template, record.machines, token)
    later = replace(record, run_id=token, fleet_id=fleet, started=record.started + 1)
    return replace(run, record=later)


def _request(ec2: Any, app: str, template: str, machines: int, token: str) -> str:
    tags = [{"Key": APP_TAG, "Value": app}]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    config = {
        "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
        "AllocationStrategy": "priceCapacityOptimized",
        "TargetCapacity": machines,
        "SpotPrice": "0.1",
        "ClientToken": token,
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateName": template,
                    "Version": "$Latest",
                },
                "Overrides": [{"InstanceType": "m5.large", "SubnetId": subnet}],
            }
        ],
        "TagSpecifications": [{"ResourceType": "spot-fleet-request", "Tags": tags}],
    }
    return str(ec2.request_spot_fleet(SpotFleetRequestConfig=config)["SpotFleetRequestId"])
