"""AWS as emulators, reached as a user's commands reach it: only through the environment."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader

import run
from distributed_fiji.aws.clients import pages
from tests.commands import Ended
from tests.emulators import CLIENT_ENVIRONMENT, calls_through, control_plane, microburst, ministack
from tests.policy.trail import acting, user_of

BUCKET = "cli-bucket"

#: A change made by a command lasts longer than this.
SETTLE_SECONDS = 5.0

#: Its record is in files/, which other processes' tests share.
APP = f"Usage{os.getpid()}"


@dataclass(frozen=True)
class Account:
    """An account behind emulators. Proxies in front of them can inject faults.

    `data`: SQS, S3 and logs. `control`: everything else.
    """

    data: str
    control: str
    clients: dict[str, Any]
    #: What was found when everything was last looked at, and how many calls the proxies had seen by then.
    last: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.clients[service]

    def everything(self) -> dict[str, list[str]]:
        """Return the names of everything in the account, and how many messages are waiting."""
        sqs, s3, ecs, ec2 = (self.client(name) for name in ("sqs", "s3", "ecs", "ec2"))
        queues = sorted(sqs.list_queues().get("QueueUrls", []))
        keys = [
            item["Key"]
            for bucket in s3.list_buckets()["Buckets"]
            for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket["Name"])
        ]
        fleets = pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs")
        templates = pages(ec2, "describe_launch_templates", "LaunchTemplates")
        found = {
            "queues": queues,
            "messages": [_waiting(sqs, url) for url in queues],
            "objects": sorted(keys),
            "clusters": sorted(ecs.list_clusters()["clusterArns"]),
            "task definitions": sorted(ecs.list_task_definitions()["taskDefinitionArns"]),
            "fleets": sorted(item["SpotFleetRequestId"] for item in fleets),
            "launch templates": sorted(item["LaunchTemplateName"] for item in templates),
            "machines": sorted(
                machine["InstanceId"]
                for reservation in pages(ec2, "describe_instances", "Reservations")
                for machine in reservation["Instances"]
            ),
            "roles": sorted(item["RoleName"] for item in pages(self.client("iam"), "list_roles", "Roles")),
            "log groups": sorted(
                item["logGroupName"] for item in self.client("logs").describe_log_groups()["logGroups"]
            ),
        }
        self.last.update(found=found, calls=self.calls())
        return found

    def calls(self) -> int:
        """Return how many calls have been made to the account."""
        return calls_through(self.data) + calls_through(self.control)

    def settled(self, before: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return everything once it is as before, or else as it is after SETTLE_SECONDS.

        Where nothing was asked of AWS since `before` was looked at, it is as before without another look.
        SQS calls its counts approximate: a message that an earlier test sent or received may just be between
        two of them.
        """
        if self.last.get("found") is before and self.last["calls"] == self.calls():
            return before
        deadline = time.monotonic() + SETTLE_SECONDS
        while (now := self.everything()) != before and time.monotonic() < deadline:
            time.sleep(0.2)
        return now


def _waiting(sqs: Any, url: str) -> str:
    # Messages that an earlier test received are only hidden for a while.
    kinds = ("", "NotVisible", "Delayed")
    names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return str(sum(int(answer["Attributes"][name]) for name in names))


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with one bucket, for all tests of this folder."""
    folder, other = tmp_path_factory.mktemp("account"), tmp_path_factory.mktemp("proxies")
    with (
        control_plane(folder) as moto,
        ministack(folder) as stack,
        microburst(folder, stack) as data,
        microburst(other, moto) as control,
        pytest.MonkeyPatch.context() as patch,
    ):
        environment = {
            **CLIENT_ENVIRONMENT,
            "AWS_ENDPOINT_URL": control,
            "AWS_ENDPOINT_URL_S3": data,
            "AWS_ENDPOINT_URL_SQS": data,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": data,
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        # Each command makes a session, as a separate process would. AWS's models are read once for all.
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        clients = {name: boto3.client(name) for name in ("sqs", "s3", "ecs", "ec2", "iam", "logs")}
        clients["s3"].create_bucket(Bucket=BUCKET)
        yield Account(data, control, clients)


#: Runs a command with a folder's config.py, as `run.py --config FOLDER/config.py ...` does.
Command = Callable[..., Ended]


@pytest.fixture
def command(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run commands in a folder with a valid config.py, script, job file and fleet file."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        words = ["--config", str(tmp_path / "config.py"), *arguments]
        with acting.as_role(user_of(words)):
            code = run.run(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def made(account: Account, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What setup creates for the settings that `configure` writes, created once."""
    folder = tmp_path_factory.mktemp("made")
    fill(folder)
    assert run.run(["--config", str(folder / "config.py"), "setup"]) == 0


@pytest.fixture
def ready(made: None, command: Command, account: Account) -> Iterator[Command]:
    """The commands after setup, so that only what is wrong stops jobs and machines.

    A test's submitted jobs are removed, since the next test uses the same queue and bucket.
    """
    yield command
    sqs, s3 = account.client("sqs"), account.client("s3")
    prefix = f"distributed-fiji/{APP}/submissions/"
    for item in pages(s3, "list_objects_v2", "Contents", Bucket=BUCKET, Prefix=prefix):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    for name in (f"{APP}Queue", f"{APP}DeadMessages"):
        with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
            sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def fill(folder: Path) -> None:
    """Write a valid config.py, script, job file and fleet file."""
    configure(folder)
    (folder / "script.ijm").write_text("print('hello');\n")
    job_file = {"output_file_location": "out", "groups": [{"Well": "A1"}]}
    (folder / "job.json").write_text(json.dumps(job_file))
    (folder / "fleet.json").write_text("{}")


def configure(folder: Path, **settings: Any) -> None:
    """Write a config.py that is valid except for the settings that a test gives."""
    base = {
        "APP_NAME": APP,
        "AWS_BUCKET": BUCKET,
        "DOCKERHUB_TAG": "registry.invalid/distributed-fiji:1.0",  # nobody answers there: not checked
        "SCRIPT_DOWNLOAD_URL": "script.ijm",
        "MACHINE_TYPE": "m5.large",
        "MEMORY": 1000,
    }
    lines = [f"{name} = {value!r}\n" for name, value in {**base, **settings}.items()]
    (folder / "config.py").write_text("".join(lines), encoding="utf-8")
