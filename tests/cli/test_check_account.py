"""`check` of what is in the account: subnets, inputs, images, and what you are not allowed to ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import BUCKET, Account, Command, configure
from tests.cli.setups import JOB
from tests.cli.test_check import findings
from tests.emulators import set_faults
from tests.registries import registry

TIFF = b"II*\0\x08\0\0\0" + bytes(40)


def test_subnets_without_a_way_out_and_two_of_one_zone_are_named(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone="us-east-1a")["Subnet"]
        for number in range(2)
    ]
    names = [subnet["SubnetId"] for subnet in subnets]
    (tmp_path / "fleet.json").write_text(json.dumps({"Subnets": names}))

    code, found = findings(ready, "job.json", "fleet.json")
    stopped = ready("startCluster", "fleet.json", "--yes")

    said = {one["id"]: one["found"] for one in found if one["severity"] == "stop"}
    assert code == 2
    assert "has no route to the internet, and its VPC has no endpoint for ecs" in said["network"]
    assert f"{', '.join(sorted(names))} are in one zone, us-east-1a" in said["fleet-limits"]
    assert stopped.code == 2
    assert "has no route to the internet" in stopped.err
    for name in names:
        ec2.delete_subnet(SubnetId=name)
    ec2.delete_vpc(VpcId=vpc)


def test_a_fleet_beyond_a_service_of_ecs_is_refused_with_what_fits(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    configure(tmp_path, CLUSTER_MACHINES=1000, TASKS_PER_MACHINE=6, MACHINE_TYPE="m5.4xlarge", MEMORY=1000)
    (tmp_path / "fleet.json").write_text("{}")
    fleets = account.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]

    refused = ready("startCluster", "fleet.json", "--yes")

    assert refused.code == 2
    assert "is 6,000 tasks; a service of ECS has 5,000 at most. Lower CLUSTER_MACHINES to 833" in refused.err
    assert account.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"] == fleets


DATA: dict[str, tuple[dict[str, bytes], list[str], str, str, str]] = {
    "nothing there": ({}, ["data/none/{Well}.tif"], "inputs-missing", "stop", "2 of 2 jobs: no key matches"),
    "another ending": (
        {"data/a/A01.tif": TIFF, "data/a/A02.tif": TIFF},
        ["data/a/{Well}.tiff"],
        "inputs-missing",
        "stop",
        "the nearest is 'data/a/A01.tif'",
    ),
    "another case": (
        {"data/b/A01.tif": TIFF},
        ["Data/b/*"],
        "inputs-missing",
        "stop",
        f"the nearest in s3://{BUCKET}/: ",
    ),
    "one of two": ({"data/c/A01.tif": TIFF}, ["data/c/{Well}.tif"], "inputs-missing", "warn", "1 of 2 jobs"),
    "empty": ({"data/d/x.tif": b""}, ["data/d/*"], "inputs-empty", "stop", "data/d/x.tif' has 0 bytes"),
    "no TIFF": ({"data/e/x.tif": b"<html></html>"}, ["data/e/"], "inputs-broken", "stop", "as a TIFF file"),
}


@pytest.mark.parametrize("name", DATA)
def test_inputs_that_no_job_can_use_are_named_before_jobs_are_sent(
    name: str, account: Account, ready: Command, tmp_path: Path
) -> None:
    objects, patterns, kind, severity, words = DATA[name]
    for key, content in objects.items():
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    (tmp_path / "job.json").write_text(json.dumps({**JOB, "inputs": patterns}))

    code, found = findings(ready, "job.json")
    sent = ready("submitJob", "job.json", "--yes")

    assert [(one["id"], one["severity"]) for one in found if words in one["found"]] == [(kind, severity)], (
        found
    )
    assert code == sent.code == (2 if severity == "stop" else 0)
    assert words in " ".join(sent.err.split())


def test_an_image_is_looked_for_and_held_to_the_machines(ready: Command, tmp_path: Path) -> None:
    with registry() as host:
        for tag, kind, words in (("1.0", "m6g.large", "is for x86_64, but MACHINE_TYPE is arm64"),
                                 ("9.9", "m5.large", "its registry does not have this image")):  # fmt: skip
            configure(tmp_path, DOCKERHUB_TAG=f"{host}/lab/fiji:{tag}", MACHINE_TYPE=kind)
            found = findings(ready)[1]
            assert [words in one["found"] for one in found if one["id"] == "image"] == [True]
        configure(tmp_path, DOCKERHUB_TAG=f"{host}/lab/fiji:1.0")
        assert findings(ready) == (0, [])


def test_what_one_may_not_ask_is_unknown_and_names_the_permission(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    message = "User: x is not authorized to perform: servicequotas:GetServiceQuota on resource: *"
    denied = {"code": "AccessDeniedException", "status": 400, "message": message}
    set_faults(account.control, {"service": "*", "operation": "GetServiceQuota", "error": denied})
    try:
        code, found = findings(ready)
    finally:
        set_faults(account.control)

    (one,) = [one for one in found if one["id"] == "spot-quota"]
    assert (code, one["severity"]) == (0, "unknown")
    assert "permission servicequotas:GetServiceQuota is missing" in one["found"]
