"""What AWS does only partly: entries that fail inside a batch, fleets that do not get all their machines."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.queues import NotSent, send_jobs
from distributed_fiji.commands.start import FleetFailed, Start, start_cluster
from distributed_fiji.errors import SomethingLeft
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.registry import Answer
from distributed_fiji.settings import load_settings
from tests.cli.conftest import APP, Account, Command
from tests.monitor.builders import SteppedClock
from tests.monitor.screen import Screen
from worker.contract.jobs import Job


class FailingEntries:
    """Makes entries of a batch fail as SQS does: inside an HTTP 200, with the others accepted."""

    def __init__(self, client: Any, failing: dict[str, int], *, senders_fault: bool = False) -> None:
        self.left = dict(failing)
        self.senders_fault = senders_fault
        self.failed: list[str] = []
        client.meta.events.register("provide-client-params.sqs.SendMessageBatch", self.keep_back)
        client.meta.events.register("after-call.sqs.SendMessageBatch", self.tell)

    def keep_back(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Send only the entries that do not fail this time."""
        names = [entry["Id"] for entry in params["Entries"]]
        self.failed = [name for name in names if self.left.get(name, 0) > 0]
        for name in self.failed:
            self.left[name] -= 1
        kept = [entry for entry in params["Entries"] if entry["Id"] not in self.failed]
        return params | {"Entries": kept}

    def tell(self, parsed: dict[str, Any], **_: Any) -> None:
        """Name them in the answer."""
        parsed["Failed"] = [
            {"Id": name, "SenderFault": self.senders_fault, "Code": "InternalError", "Message": "not now"}
            for name in self.failed
        ]


def a_queue(account: Account, name: str) -> str:
    return str(account.client("sqs").create_queue(QueueName=name)["QueueUrl"])


def wells(account: Account, url: str) -> list[str]:
    found = []
    while (
        messages := account.client("sqs")
        # Permanently: messages that come back would change the account for other tests.
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=43_200)
        .get("Messages")
    ):
        found += [json.loads(message["Body"])["Metadata"]["Well"] for message in messages]
    return sorted(found)


JOBS = [Job({"Well": f"A{number}"}, "out") for number in range(10)]
WELLS = [f"A{number}" for number in range(10)]


def test_entries_that_fail_inside_a_batch_are_sent_again_and_none_twice(account: Account) -> None:
    url, sqs, counted = a_queue(account, "SentAgain"), boto3.client("sqs"), []
    FailingEntries(sqs, {JOBS[2].job_id: 1, JOBS[7].job_id: 2})

    sent = send_jobs(sqs, url, [*JOBS], progress=counted.append, sleep=lambda seconds: None)

    assert sent == sum(counted) == 10
    assert wells(account, url) == WELLS


def test_entries_that_never_go_are_named_and_all_others_are_sent(account: Account) -> None:
    url, sqs = a_queue(account, "Named"), boto3.client("sqs")
    FailingEntries(sqs, {JOBS[4].job_id: 99}, senders_fault=True)

    with pytest.raises(NotSent) as caught:
        send_jobs(sqs, url, JOBS, progress=lambda count: None, sleep=lambda seconds: None)

    assert "9 jobs were sent, 1 were refused" in str(caught.value)
    assert f"(job {JOBS[4].job_id}): not now" in str(caught.value)
    assert wells(account, url) == [well for well in WELLS if well != "A4"]


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def refuse() -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("happens", "ends_with"), [(press_ctrl_c, KeyboardInterrupt), (refuse, ConnectionRefusedError)]
)
def test_after_ctrl_c_or_an_error_no_thread_begins_with_another_batch(
    account: Account, happens: Callable[[], None], ends_with: type[BaseException]
) -> None:
    url, sqs, begun = a_queue(account, f"Ends{ends_with.__name__}"), boto3.client("sqs"), itertools.count(1)

    def begin(**_: Any) -> None:
        if next(begun) == 40:
            happens()
        time.sleep(0.05)

    sqs.meta.events.register("before-call.sqs.SendMessageBatch", begin)
    jobs = (Job({"Well": f"A{number}"}, "out") for number in range(3_000))
    with pytest.raises(ends_with):
        send_jobs(sqs, url, jobs, progress=lambda count: None, sleep=lambda seconds: None)

    assert next(begun) < 150, "of 300 batches"


class TroubledSession:
    """A session whose EC2 reports an event in every fleet's history. `barren`: no fleet has any machine."""

    region_name = "us-east-1"

    def __init__(
        self, kind: str, description: str, *, barren: bool = False, event_type: str = "error"
    ) -> None:
        self.event = {"EventSubType": kind, "EventDescription": description}
        self.barren, self.event_type, self.asked = barren, event_type, ""

    def client(self, service: str, config: Any) -> Any:
        client = boto3.client(service, config=config)
        history = "ec2.DescribeSpotFleetRequestHistory"
        client.meta.events.register(f"provide-client-params.{history}", self.ask)
        client.meta.events.register(f"after-call.{history}", self.tell)
        client.meta.events.register("after-call.ec2.DescribeSpotFleetInstances", self.hide_machines)
        return client

    def ask(self, params: dict[str, Any], **_: Any) -> None:
        self.asked = params.get("EventType", self.event_type)

    def tell(self, parsed: dict[str, Any], **_: Any) -> None:
        event = {"EventType": self.event_type, "EventInformation": self.event}
        parsed["HistoryRecords"] = [event] if self.asked == self.event_type else []

    def hide_machines(self, parsed: dict[str, Any], **_: Any) -> None:
        if self.barren:
            parsed["ActiveInstances"] = []


def start(folder: Path, session: TroubledSession) -> Screen:
    """Start a fleet whose machines join no cluster, with a clock that only waiting advances."""
    settings, _ = load_settings(folder / "config.py")
    screen, clock = Screen(), SteppedClock(time.time())
    image = Answer("unknown", detail="it was not asked")
    run = Start(
        settings, Clients(session), folder / "record.json", clock, screen.terminal, lambda name: image
    )
    start_cluster(run, parse_fleet_file({}, "fleet.json"))
    return screen


def test_a_shortage_is_told_once_with_what_helps_and_is_no_failure(ready: Command, tmp_path: Path) -> None:
    shortage = TroubledSession("allLaunchSpecsTemporarilyBlacklisted", "no capacity in any pool")

    said = start(tmp_path, shortage).text

    assert said.count("no capacity in any pool") == 1
    assert "more machine types or subnets" in said
    assert "The fleet keeps trying" in " ".join(said.split())
    fleet = json.loads((tmp_path / "record.json").read_text())["MONITOR_FLEET_ID"]
    boto3.client("ec2").cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)


def test_a_shortage_that_ec2_calls_an_invalid_request_is_no_failure(ready: Command, tmp_path: Path) -> None:
    # What AWS really answers: hashicorp/terraform-provider-aws#26493.
    sentence = "There is no Spot capacity available that matches your request."
    kind = "spotFleetRequestConfigurationInvalid"
    shortage = TroubledSession(kind, f"m5.large, us-east-1a: {sentence}", barren=True)

    said = start(tmp_path, shortage).text

    assert said.count(sentence) == 1
    assert "more machine types or subnets" in said
    fleet = json.loads((tmp_path / "record.json").read_text())["MONITOR_FLEET_ID"]
    boto3.client("ec2").cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)


def test_what_ec2_calls_information_is_shown_too(ready: Command, tmp_path: Path) -> None:
    sentence = "m5.large, us-east-1a: the price is below today's"
    unusable = TroubledSession("launchSpecUnusable", sentence, barren=True, event_type="information")

    said = start(tmp_path, unusable).text

    assert said.count(sentence) == 1
    assert "MACHINE_PRICE" in said
    fleet = json.loads((tmp_path / "record.json").read_text())["MONITOR_FLEET_ID"]
    boto3.client("ec2").cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)


class RefusingSession(TroubledSession):
    """A session whose EC2 fails every fleet, and refuses to cancel one inside its 200 answer."""

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("provide-client-params.ec2.CancelSpotFleetRequests", self.mislead)
        client.meta.events.register("after-call.ec2.CancelSpotFleetRequests", self.refuse)
        return client

    def mislead(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return params | {"SpotFleetRequestIds": ["sfr-00000000-0000-0000-0000-000000000000"]}

    def refuse(self, parsed: dict[str, Any], **_: Any) -> None:
        for item in parsed["UnsuccessfulFleetRequests"]:
            item["Error"] = {"Code": "unexpectedError", "Message": "try again later"}


def test_a_fleet_that_ec2_refuses_to_cancel_keeps_its_record_and_its_janitor_and_is_named(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    refusing = RefusingSession("iamFleetRoleInvalid", "the role cannot be assumed", barren=True)

    with pytest.raises(SomethingLeft, match=r"unexpectedError try again later.*cleanup"):
        start(tmp_path, refusing)

    record = json.loads((tmp_path / "record.json").read_text())
    fleet = record["MONITOR_FLEET_ID"]
    found = account.client("ec2").describe_spot_fleet_requests(SpotFleetRequestIds=[fleet])
    assert found["SpotFleetRequestConfigs"][0]["SpotFleetRequestState"] == "active"
    assert boto3.client("events").describe_rule(Name=f"{APP}Janitor")["State"] == "ENABLED"
    account.client("ec2").cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)


def test_an_error_that_waiting_does_not_mend_takes_the_fleet_back(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    invalid = TroubledSession("iamFleetRoleInvalid", "the role cannot be assumed", barren=True)

    with pytest.raises(FleetFailed, match="setup"):
        start(tmp_path, invalid)

    states = account.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    assert [item for item in states if item["SpotFleetRequestState"] == "active"] == []
    assert not (tmp_path / "record.json").exists()
