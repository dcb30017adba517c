"""Shared by the Docker tests: an app on an emulator, and its tasks, run as Docker runs them on ECS."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import socketserver
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3

from distributed_fiji.aws import documents
from distributed_fiji.local.machines.containers import ContainerTask
from distributed_fiji.local.machines.taskplan import HostInfo, TaskPlan
from distributed_fiji.local.machines.tasks import Exit
from distributed_fiji.settings import parse_settings
from tests.emulators import CLIENT_ENVIRONMENT
from tests.serving import serve
from worker.contract import jobs

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
NUMBERS = itertools.count(1)


def until(look: Callable[[], T], what: str, seconds: float = 60) -> T:
    """Return what `look` returns as soon as it is true; fail if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


class App:
    """An app with its own queue and bucket on an emulator, and one script for all its jobs."""

    def __init__(self, endpoint: str, image: str, script: Path, **settings: Any) -> None:
        self.endpoint = endpoint
        keys: dict[str, Any] = {
            "region_name": REGION,
            "endpoint_url": endpoint,
            "aws_access_key_id": CLIENT_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": CLIENT_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        }
        self.s3, self.sqs = boto3.client("s3", **keys), boto3.client("sqs", **keys)
        self.name = f"docker{next(NUMBERS)}"
        self.bucket = f"{self.name}-bucket"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.upload_file(str(script), self.bucket, script.name)
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        values = {
            "APP_NAME": self.name,
            "DOCKERHUB_TAG": image,
            "AWS_BUCKET": self.bucket,
            "SCRIPT_DOWNLOAD_URL": f"s3://{self.bucket}/{script.name}",
            "MEMORY": 1000,
            "SQS_MESSAGE_VISIBILITY": 30,
            "HEARTBEAT_SECONDS": 10,
            "JOB_RETRIES": 2,
        }
        self.settings, _ = parse_settings({**values, **settings})
        self.exit: Exit | None = None
        boto3.client("logs", **keys).create_log_group(logGroupName=self.settings.LOG_GROUP_NAME)

    @property
    def definition(self) -> dict[str, Any]:
        """The task definition that `setup` would register."""
        script = self.settings.SCRIPT_DOWNLOAD_URL
        environment = documents.worker_environment(self.settings, self.queue, script, "")
        return documents.task_definition(self.settings, environment, task_role_arn="", cpu_units=1024)

    def submit(self, **metadata: jobs.Value) -> jobs.Job:
        """Send one job; its outputs go to results/."""
        job = jobs.Job(metadata, "results")
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=jobs.encode_message(job))
        return job

    def document(self, key: str) -> dict[str, Any]:
        """Return a JSON document in the bucket, or {} if there is none yet."""
        try:
            found: dict[str, Any] = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
            return found
        except self.s3.exceptions.NoSuchKey:
            return {}

    def manifest(self, job: jobs.Job) -> dict[str, Any]:
        return self.document(jobs.manifest_key(self.name, job.job_id))

    def failure(self, job: jobs.Job, attempt: int = 1) -> dict[str, Any]:
        return self.document(jobs.failure_key(self.name, job.job_id, attempt))

    def end_of(self, job: jobs.Job, container: Any) -> dict[str, Any]:
        """Return a job's manifest or failure record once there is one; the container must be running."""

        def look() -> dict[str, Any]:
            container.reload()
            assert container.status == "running", log_of(container)
            return self.manifest(job) or self.failure(job)

        return until(look, "the job's end")

    def counts(self) -> tuple[int, int]:
        """Return how many messages are visible and how many are in flight."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def plan(self, folder: Path, environment: dict[str, str]) -> TaskPlan:
        """Return a task of the definition. `environment` overrides the definition's."""
        document = self.definition
        container = document["containerDefinitions"][0]
        named = {item["name"]: item["value"] for item in container["environment"]} | environment
        container["environment"] = [{"name": name, "value": value} for name, value in named.items()]
        gifts = HostInfo(
            cloud={**CLIENT_ENVIRONMENT, "AWS_ENDPOINT_URL": self.endpoint},
            region=REGION,
            metadata_url=self.endpoint,
            instance_id="i-1",
            checkout=CHECKOUT,
        )
        arn = f"arn:aws:ecs:{REGION}:123456789012:task/{self.name}/{uuid.uuid4().hex}"
        return TaskPlan(arn, container, folder, gifts, document["volumes"])

    @contextmanager
    def task(self, docker: Any, folder: Path, **environment: str) -> Iterator[Any]:
        """Run a task of the definition as a container until the block ends; yield Docker's container.

        Afterwards, `self.exit` says how it ended.
        """
        plan = self.plan(folder, environment)
        task = ContainerTask(docker, folder, plan, folder / "container.log")
        try:
            yield docker.containers.get(f"ecs-{self.name}-{plan.task_id}")
        finally:
            task.kill()
            self.exit = until(task.poll, "the container's end")


@contextmanager
def recorded(endpoint: str) -> Iterator[tuple[str, bytearray]]:
    """Forward connections to an endpoint; yield the URL to use instead, and all that clients have sent."""
    host, port = endpoint.removeprefix("http://").split(":")
    sent = bytearray()

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as upstream:
                back = threading.Thread(target=copy, args=(upstream, self.request), daemon=True)
                back.start()
                copy(self.request, upstream, sent)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Forward) as server:
        serve(server)
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
        server.shutdown()


def copy(source: socket.socket, target: socket.socket, into: bytearray | None = None) -> None:
    """Copy one connection's data to another until either ends, and keep it in `into`."""
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            if into is not None:
                into += block
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


def output_of(docker: Any, image: str, *command: str, **options: Any) -> str:
    """Run a program in a container without network; return its output, and remove it with its volumes.

    Fails if the program does.
    """
    container = docker.containers.run(image, list(command), detach=True, network_mode="none", **options)
    try:
        ended = container.wait(timeout=60)
        said = log_of(container)
    finally:
        container.remove(v=True, force=True)
    assert ended["StatusCode"] == 0, said
    return said


def log_of(container: Any) -> str:
    """Return what a container has printed so far."""
    return str(container.logs().decode("utf-8", "replace"))
