"""A failed start takes its fleet back; if it cannot, it says what is left and how it will end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import APP, Account, Command
from tests.commands import CHECKOUT
from tests.emulators import set_faults

RECORD = CHECKOUT / "files" / f"{APP}SpotFleetRequestId.json"


def refuse(*operations: str) -> list[dict[str, Any]]:
    answer = {"code": "UnauthorizedOperation", "status": 403, "message": "You are not authorized"}
    return [{"service": "ec2", "operation": operation, "error": answer} for operation in operations]


@pytest.fixture
def faulty(account: Account) -> Iterator[str]:
    """The proxy in front of EC2, without faults afterwards."""
    yield account.control
    set_faults(account.control)
    RECORD.unlink(missing_ok=True)


def live_fleets(account: Account) -> list[str]:
    found = account.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    return [item["SpotFleetRequestId"] for item in found if item["SpotFleetRequestState"] == "active"]


def test_a_fleet_that_ec2_refuses_leaves_nothing(account: Account, ready: Command, faulty: str) -> None:
    answer = {"code": "MaxSpotInstanceCountExceeded", "status": 400, "message": "Max spot count exceeded"}
    set_faults(faulty, {"service": "ec2", "operation": "RequestSpotFleet", "error": answer})

    ended = ready("startCluster", "fleet.json", "--yes")

    assert ended.code == 1
    assert "Max spot count exceeded" in ended.err
    assert live_fleets(account) == []
    assert not RECORD.exists()


def test_a_start_that_fails_takes_its_fleet_back(account: Account, ready: Command, faulty: str) -> None:
    set_faults(faulty, *refuse("DescribeSpotFleetInstances"))

    ended = ready("startCluster", "fleet.json", "--yes")

    assert ended.code == 1
    assert "is cancelled" in ended.err
    assert "permission ec2:DescribeSpotFleetInstances is missing" in ended.err
    assert "python run.py" in ended.err and "policy startCluster" in ended.err
    assert live_fleets(account) == []
    assert not RECORD.exists()


def test_what_cannot_be_taken_back_is_named_and_cleanup_ends_it(
    account: Account, ready: Command, faulty: str, tmp_path: Path
) -> None:
    set_faults(faulty, *refuse("DescribeSpotFleetInstances", "CancelSpotFleetRequests"))

    ended = ready("startCluster", "fleet.json", "--yes")

    assert ended.code == 4
    assert "It may still be running and incurring charges" in ended.err
    assert f"cleanup {APP}" in ended.err
    assert RECORD.exists()
    (fleet,) = live_fleets(account)

    set_faults(faulty)
    assert ready("cleanup", APP, "--yes", "--keep", "logs,results").code == 0
    assert fleet not in live_fleets(account)
    assert ready("setup").code == 0  # what other tests find made
