"""Fleet files: the original's launch specifications, our short form, and what becomes of either."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from distributed_fiji.aws import documents, fleetrequest
from distributed_fiji.aws.fleetrequest import LaunchSpec, RequestTerms, Subnet
from distributed_fiji.errors import InvalidInput
from distributed_fiji.fleetfile import parse_fleet_file, read_fleet_file
from distributed_fiji.settings import Settings, parse_settings
from worker.contract.jobs import RUN_TAG

CHECKOUT = Path(__file__).parents[2]


def a_specification(subnet: str = "subnet-1", **parts: Any) -> dict[str, Any]:
    """As the original's example has it, placeholders filled in."""
    return {
        "ImageId": "ami-12345678",
        "KeyName": "my-key",
        "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": True, "VolumeSize": 8}},
            {"DeviceName": "/dev/xvdcz", "Ebs": {"DeleteOnTermination": True, "VolumeType": "gp2"}},
        ],
        "NetworkInterfaces": [
            {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False, "Groups": ["sg-1"]}
        ],
        **parts,
    }


def an_original(*specifications: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {
        "IamFleetRole": "arn:aws:iam::123456789012:role/aws-ec2-spot-fleet-tagging-role",
        "AllocationStrategy": "lowestPrice",
        "TerminateInstancesWithExpiration": True,
        "LaunchSpecifications": list(specifications) or [a_specification()],
        "Type": "maintain",
        **parts,
    }


def some_settings(**values: Any) -> Settings:
    base = {"APP_NAME": "Nuclei", "AWS_BUCKET": "my-bucket", "SCRIPT_DOWNLOAD_URL": "a.ijm"}
    return parse_settings({**base, **values})[0]


def a_machine(document: dict[str, Any], kinds: tuple[str, ...] = ("m5.xlarge",)) -> LaunchSpec:
    (specification,) = parse_fleet_file(document, "fleet.json").specifications
    subnets = [Subnet(name, "us-east-1a") for name in specification.subnets or ("subnet-9",)]
    pools = tuple((kind, subnet) for kind in kinds for subnet in subnets)
    return LaunchSpec(specification, "ami-1", "/dev/xvda", 30, "profile", pools)


def the_template(settings: Settings, machine: LaunchSpec) -> dict[str, Any]:
    ((data, _),) = fleetrequest.launch_templates(settings, machine)
    return data


def assert_ec2_takes(operation: str, shape: str, document: dict[str, Any]) -> None:
    """Check a document against botocore's own model of EC2: names, types, required members."""
    model = Session().get_service_model("ec2").operation_model(operation).input_shape
    report = ParamValidator().validate(document, model.members[shape])
    assert not report.has_errors(), report.generate_report()


def problems(document: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_fleet_file(document, "fleet.json")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_an_original_fleet_file_is_read_and_lowest_price_is_warned_about() -> None:
    file = parse_fleet_file(an_original(), "fleet.json")

    assert file.fleet_role == "arn:aws:iam::123456789012:role/aws-ec2-spot-fleet-tagging-role"
    assert file.strategy == "lowestPrice"
    assert "lowestPrice" in " ".join(file.warnings)
    (specification,) = file.specifications
    assert specification.subnets == ("subnet-1",)
    assert specification.security_groups == ("sg-1",)
    assert specification.public_ip is False


def test_the_example_and_the_demos_fleet_files_are_valid_and_leave_all_to_be_found() -> None:
    for name in ("files/exampleFleet.json", "files/demo/fleet.json"):
        file = read_fleet_file(CHECKOUT / name)
        assert file.strategy == "priceCapacityOptimized"
        assert not file.warnings


def test_specifications_that_differ_only_in_their_subnet_become_one() -> None:
    document = an_original(a_specification("subnet-1"), a_specification("subnet-2"))

    machine = a_machine(document, ("m5.large", "m5a.large"))

    assert [subnet.subnet_id for subnet in machine.subnets] == ["subnet-1", "subnet-2"]
    templates = fleetrequest.launch_templates(some_settings(), machine)
    assert sum(len(overrides) for _, overrides in templates) == 4


def test_every_placeholder_of_the_original_is_named() -> None:
    document = an_original(
        a_specification(
            "subnet-WWWWWWWW",
            KeyName="your_key_file_name",
            IamInstanceProfile={"Arn": "arn:aws:iam::XXXXXXXXXXXX:instance-profile/ecsInstanceRole"},
        ),
        IamFleetRole="arn:aws:iam::XXXXXXXXXXXXX:role/aws-ec2-spot-fleet-tagging-role",
    )

    found = problems(document)

    for name in ("IamFleetRole", "KeyName", "IamInstanceProfile.Arn", "NetworkInterfaces[0].SubnetId"):
        assert name in found


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "must be a JSON object"),
        ({"AllocationStrategy": "cheapest"}, "must be one of priceCapacityOptimized"),
        ({"Type": "instant"}, "must be one of maintain, request"),
        ({"Subnet": ["subnet-1"]}, "unknown fleet key"),
        (
            {"LaunchSpecifications": [{"SpotPrice": "1"}]},
            "LaunchSpecifications[0].SpotPrice is not supported",
        ),
        ({"LaunchSpecifications": [{}], "Subnets": []}, "must be inside LaunchSpecifications"),
    ],
)
def test_a_fleet_file_that_is_wrong_says_why(document: object, words: str) -> None:
    assert words in problems(document)


def test_machines_require_imdsv2_and_join_the_cluster_with_draining_on() -> None:
    settings = some_settings(ECS_CLUSTER="mine")
    data = the_template(settings, a_machine({}))

    assert_ec2_takes("CreateLaunchTemplate", "LaunchTemplateData", data)
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    script = base64.b64decode(data["UserData"]).decode()
    assert "ECS_CLUSTER=mine" in script
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in script


def test_the_volume_follows_config_and_is_never_smaller_than_the_images_own() -> None:
    def sizes(document: dict[str, Any], volume_gb: int) -> list[int]:
        machine = a_machine(document)
        return [item["Ebs"]["VolumeSize"] for item in fleetrequest.block_devices(machine, volume_gb)]

    assert sizes({}, 22) == [30]
    assert sizes({}, 100) == [100]
    assert sizes(an_original(), 50) == [50]


def test_the_originals_two_volumes_become_the_root_and_none_outlives_its_machine() -> None:
    kept = {"DeleteOnTermination": False, "SnapshotId": "snap-1", "VolumeType": "io2", "Iops": 9}
    document = an_original(a_specification(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": kept}]))

    (device,) = fleetrequest.block_devices(a_machine(document), 40)

    assert device["DeviceName"] == "/dev/xvda"
    assert device["Ebs"] == {
        "DeleteOnTermination": True, "VolumeType": "io2", "Iops": 9, "VolumeSize": 40,
    }  # fmt: skip
    assert "BlockDeviceMappings" in " ".join(parse_fleet_file(an_original(), "fleet.json").warnings)


def test_a_subnet_stands_beside_an_interface_or_in_it_and_never_both() -> None:
    given, open_subnet = an_original(), Subnet("subnet-2", "us-east-1b")
    closed = Subnet("subnet-3", "us-east-1c", public=False)
    machine = a_machine({})
    in_a_closed_subnet = replace(machine, pools=(("m5.large", open_subnet), ("m5.large", closed)))

    for settings, one, address in (
        (some_settings(), a_machine(given), False),
        (some_settings(ASSIGN_IP=False), machine, False),
        (some_settings(), in_a_closed_subnet, True),
    ):
        templates = fleetrequest.launch_templates(settings, one)
        assert len(templates) == len(one.subnets)
        for (data, overrides), subnet in zip(templates, one.subnets, strict=True):
            (interface,) = data["NetworkInterfaces"]
            assert interface["SubnetId"] == subnet.subnet_id
            assert interface["AssociatePublicIpAddress"] is address
            assert not [override for override in overrides if "SubnetId" in override]
            assert data["MetadataOptions"]["HttpTokens"] == "required"


def test_no_public_address_where_the_config_forbids_it() -> None:
    closed = the_template(some_settings(ASSIGN_IP=False), a_machine({}))
    left_open = the_template(some_settings(), a_machine({"SecurityGroups": ["sg-1"]}))

    assert closed["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert left_open["SecurityGroupIds"] == ["sg-1"]


def test_the_request_ends_by_itself_and_carries_cap_token_and_tag() -> None:
    settings = some_settings(MACHINE_PRICE=0.1, CLUSTER_MACHINES=4)
    frame = RequestTerms(
        "arn:role", "priceCapacityOptimized", "maintain", "2026-01-01T00:00:00+00:00", "token"
    )
    _, overrides = fleetrequest.launch_templates(settings, a_machine({}))[0]
    template = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "1"}
    configs = [{"LaunchTemplateSpecification": template, "Overrides": overrides}]

    request = fleetrequest.fleet_request(settings, frame, {"LaunchTemplateConfigs": configs})

    assert_ec2_takes("RequestSpotFleet", "SpotFleetRequestConfig", request)
    assert request["TerminateInstancesWithExpiration"] is True
    assert request["ValidUntil"] == "2026-01-01T00:00:00+00:00"
    assert (request["TargetCapacity"], float(request["SpotPrice"])) == (4, 0.1)
    run = {"Key": RUN_TAG, "Value": "token"}
    assert request["TagSpecifications"][0]["Tags"] == [*documents.tags("Nuclei"), run]


def test_the_worker_gets_its_settings_and_never_a_key() -> None:
    settings = some_settings(DOWNLOAD_FILES="True")
    environment = documents.worker_environment(settings, "https://queue", "s3://my-bucket/x.ijm", "ab")
    definition = documents.task_definition(settings, environment, task_role_arn="arn", cpu_units=1024)

    (container,) = definition["containerDefinitions"]
    assert not container["privileged"]
    assert container["linuxParameters"]["initProcessEnabled"]
    assert container["stopTimeout"] == 110
    names = [item["name"] for item in container["environment"]]
    assert names == sorted(documents.worker_environment(settings, "", "", ""))
    assert not [name for name in names if "KEY" in name or "SECRET" in name or "TOKEN" in name]
    json.dumps(definition)


def test_only_a_mounted_bucket_needs_a_privileged_container() -> None:
    settings = some_settings(DOWNLOAD_FILES=False)
    (container,) = documents.task_definition(settings, {}, task_role_arn="arn", cpu_units=1)[
        "containerDefinitions"
    ]

    assert container["privileged"]
