"""Rules with a rate call their Lambda functions: on time, as Lambda does, and for no longer than that."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from distributed_fiji.local.emulators.schedules import minutes
from tests.emulators import control_plane

REGION = "us-east-1"

#: Writes what it sees to a file, and stays for as long as its event's name says.
CODE = """
import json, os, sys, time
def handler(event, context):
    try:
        import click
        extra = True
    except ModuleNotFoundError:
        extra = False
    import boto3
    seen = {"environment": dict(os.environ), "extra": extra, "source": event["source"]}
    seen |= {"pid": os.getpid(), "folder": os.getcwd()}
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(seen) + "\\n")
    time.sleep(float(os.environ["STAY"]))
"""


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A control plane in which a minute takes a fifth of a second."""
    environment = {
        "LOCAL_DATA_PLANE": "http://127.0.0.1:1",
        "LOCAL_MINUTE": "0.2",
        "CANARY": "of the user's",
    }
    with control_plane(tmp_path_factory.mktemp("control"), **environment) as url:
        yield url


class Scheduled:
    """A function called by a schedule, and what it saw."""

    def __init__(self, control: str, name: str, seen: Path, stay: float = 0, timeout: int = 60) -> None:
        session = boto3.Session("testing", "testing", region_name=REGION)
        self.events = session.client("events", endpoint_url=control)
        self.functions = session.client("lambda", endpoint_url=control)
        iam = session.client("iam", endpoint_url=control)
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("code_of_mine.py", CODE)
        self.name, self.file = name, seen
        arn = self.functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="code_of_mine.handler",
            Timeout=timeout,
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": {"SEEN": str(seen), "STAY": str(stay)}},
        )["FunctionArn"]
        self.events.put_rule(Name=name, ScheduleExpression="rate(5 minutes)", State="ENABLED")
        self.events.put_targets(Rule=name, Targets=[{"Id": "it", "Arn": arn}])

    def seen(self) -> list[dict[str, Any]]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_function_is_called_again_and_again_and_sees_what_lambda_shows(
    control: str, tmp_path: Path
) -> None:
    scheduled = Scheduled(control, "called", tmp_path / "seen")

    until(lambda: len(scheduled.seen()) >= 2)

    seen = scheduled.seen()[0]
    assert seen["source"] == "aws.events"
    assert not seen["extra"], "Lambda's runtime has no click"
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "called"
    assert seen["environment"]["AWS_ENDPOINT_URL"] == control
    assert seen["environment"]["AWS_ENDPOINT_URL_SQS"] == "http://127.0.0.1:1"
    assert "CANARY" not in seen["environment"]
    scheduled.events.disable_rule(Name="called")


def test_a_function_whose_rule_is_gone_is_called_no_more(control: str, tmp_path: Path) -> None:
    scheduled = Scheduled(control, "ended", tmp_path / "seen")
    until(lambda: bool(scheduled.seen()))

    scheduled.events.remove_targets(Rule="ended", Ids=["it"])
    scheduled.events.delete_rule(Name="ended")
    time.sleep(1)
    count = len(scheduled.seen())
    time.sleep(2.5)

    assert len(scheduled.seen()) == count


def test_no_call_begins_while_the_last_one_runs_and_one_that_takes_too_long_is_ended(
    control: str, tmp_path: Path
) -> None:
    scheduled = Scheduled(control, "slow", tmp_path / "seen", stay=600, timeout=3)
    until(lambda: bool(scheduled.seen()))
    first = time.monotonic()

    until(lambda: len(scheduled.seen()) == 2)

    assert time.monotonic() - first > 1
    scheduled.events.disable_rule(Name="slow")


def test_a_call_ends_with_its_cloud_and_leaves_nothing(tmp_path: Path) -> None:
    with control_plane(tmp_path, LOCAL_DATA_PLANE="http://127.0.0.1:1", LOCAL_MINUTE="0.2") as control:
        scheduled = Scheduled(control, "orphan", tmp_path / "seen", stay=600)
        until(lambda: bool(scheduled.seen()))
        seen = scheduled.seen()[0]
        assert psutil.pid_exists(seen["pid"])
        assert Path(seen["folder"]).is_dir()

    until(lambda: not psutil.pid_exists(seen["pid"]))

    assert not Path(seen["folder"]).exists()


def test_rates_are_read_and_other_expressions_are_left_alone() -> None:
    assert [minutes(f"rate({text})") for text in ("1 minute", "5 minutes", "2 hours", "1 day")] == [
        1, 5, 120, 1440,
    ]  # fmt: skip
    assert minutes("cron(0 12 * * ? *)") is None
    assert minutes(None) is None
