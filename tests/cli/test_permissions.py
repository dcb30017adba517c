"""Accounts as they are: roles you may not create, boundaries, buckets elsewhere: each is reported."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.start import Start, start_cluster
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.names import role_name
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.registry import Answer
from distributed_fiji.settings import load_settings
from distributed_fiji.state.record import new_run
from distributed_fiji.state.recordfile import write_record
from tests.cli.conftest import APP, BUCKET, Account, Command, configure
from tests.commands import run_py
from tests.emulators import set_faults
from tests.monitor.builders import SteppedClock
from tests.monitor.screen import Screen

ACCOUNT = "123456789012"

#: What IAM says to those without permission (aws/chalice#1716).
NOT_AUTHORIZED = (
    "User: arn:aws:sts::123456789012:assumed-role/lab is not authorized to perform: iam:{} on resource:"
    " arn:aws:iam::123456789012:role/x with an explicit deny in a service control policy"
)


def deny(*operations: str) -> list[dict[str, Any]]:
    return [
        {
            "service": "iam",
            "operation": operation,
            "error": {"code": "AccessDenied", "status": 403, "message": NOT_AUTHORIZED.format(operation)},
        }
        for operation in operations
    ]


@pytest.fixture
def faulty(account: Account) -> Iterator[str]:
    """The proxy in front of IAM, without faults afterwards."""
    yield account.control
    set_faults(account.control)
    set_faults(account.data)


def test_without_the_right_to_make_roles_setup_makes_nothing_and_says_both_ways_out(
    account: Account, command: Command, tmp_path: Path, faulty: str
) -> None:
    configure(tmp_path, APP_NAME="NoRoles")
    set_faults(faulty, *deny("CreateRole"))

    ended = command("setup")

    assert ended.code == 1
    for purpose in ("task", "instance", "fleet", "janitor"):
        assert ended.err.count(f"NoRoles-us-east-1-fiji-{purpose}: permission iam:CreateRole is missing") == 1
    assert "with an explicit deny in a service control policy" in ended.err
    assert "policy --roles` prints them for an administrator" in ended.err
    assert "TASK_ROLE, INSTANCE_PROFILE, FLEET_ROLE, JANITOR_ROLE" in ended.err
    assert "PERMISSIONS_BOUNDARY" in ended.err
    made = account.everything()
    names = [*made["queues"], *made["log groups"], *made["clusters"]]
    assert not [name for name in names if "NoRoles" in name]


def make_roles(document: dict[str, Any], **names: str) -> None:
    """Do what an administrator does with the output of `policy --roles`; `names`: other names, by setting."""
    iam = boto3.client("iam")
    for role in document["Roles"]:
        name = names.get(role["Setting"], role["RoleName"])
        trust = json.dumps(role["AssumeRolePolicyDocument"])
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=role["Tags"])
        if "PolicyDocument" in role:
            text = json.dumps(role["PolicyDocument"])
            iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=text)
        if "PolicyArn" in role:
            iam.attach_role_policy(RoleName=name, PolicyArn=role["PolicyArn"])
        if "InstanceProfileName" in role:
            iam.create_instance_profile(InstanceProfileName=name)
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


#: Everything that setup and startCluster ask IAM for, except PassRole, which no emulator checks.
ALL_OF_IAM = (
    "CreateRole",
    "GetRole",
    "GetRolePolicy",
    "PutRolePolicy",
    "ListAttachedRolePolicies",
    "AttachRolePolicy",
    "GetInstanceProfile",
    "CreateInstanceProfile",
    "CreateServiceLinkedRole",
)
ROLE_SETTINGS = ("TASK_ROLE", "INSTANCE_PROFILE", "FLEET_ROLE", "JANITOR_ROLE")


def start(folder: Path) -> None:
    """Start a fleet whose machines join no cluster, with a clock that only waiting advances."""
    settings, _ = load_settings(folder / "config.py")
    clients, clock = Clients(boto3.Session(region_name="us-east-1")), SteppedClock(time.time())
    unknown = Answer("unknown", detail="it was not asked")
    run = Start(settings, clients, folder / "record.json", clock, Screen().terminal, lambda name: unknown)
    start_cluster(run, parse_fleet_file({}, "fleet.json"))


def fleet_role(account: Account, app: str) -> str:
    """Return the role of an app's fleet."""
    found = account.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    tag = {"Key": "distributed-fiji:app", "Value": app}
    (mine,) = [item["SpotFleetRequestConfig"] for item in found if tag in item.get("Tags", [])]
    return str(mine["IamFleetRole"])


def test_roles_that_an_administrator_made_are_used_without_any_right_of_iam(
    account: Account, command: Command, tmp_path: Path, faulty: str
) -> None:
    configure(tmp_path, APP_NAME="Given", ECS_CLUSTER="GivenCluster")
    printed = command("policy", "--roles")
    names = {name: f"lab-{name.lower()}" for name in ROLE_SETTINGS}
    make_roles(json.loads(printed.out), **names)
    configure(tmp_path, APP_NAME="Given", ECS_CLUSTER="GivenCluster", **names)
    set_faults(faulty, *deny(*ALL_OF_IAM))

    made = command("setup")
    assert made.code == 0, made.said
    start(tmp_path)

    assert "AWSServiceRoleForEC2Spot could not be checked or created" in made.err
    assert "aws iam create-service-linked-role" in made.err
    role, ec2 = f"arn:aws:iam::{ACCOUNT}:role", account.client("ec2")
    definition = account.client("ecs").describe_task_definition(taskDefinition="GivenTask")["taskDefinition"]
    assert definition["taskRoleArn"] == f"{role}/lab-task_role"
    assert fleet_role(account, "Given") == f"{role}/lab-fleet_role"
    janitor = boto3.client("lambda").get_function_configuration(FunctionName="GivenJanitor")
    assert janitor["Role"] == f"{role}/lab-janitor_role"
    versions = ec2.describe_launch_template_versions(LaunchTemplateName="GivenLaunchTemplate")
    template = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert template["IamInstanceProfile"] == {"Name": "lab-instance_profile"}
    set_faults(faulty)
    assert command("cleanup", "Given", "--yes").code == 0
    for name in names.values():
        assert boto3.client("iam").get_role(RoleName=name), "what somebody else made stays"


def test_a_role_in_config_that_is_not_there_is_named_before_anything_is_made(
    account: Account, command: Command, tmp_path: Path
) -> None:
    configure(tmp_path, APP_NAME="Missing", TASK_ROLE="nobody", INSTANCE_PROFILE="nobody-either")
    before = account.everything()

    ended = command("setup")

    assert ended.code == 2
    assert "TASK_ROLE = 'nobody': your account has no such role" in ended.err
    assert "INSTANCE_PROFILE = 'nobody-either': your account has no such instance profile" in ended.err
    assert account.settled(before) == before


def test_roles_get_the_boundary_that_the_account_demands(
    account: Account, command: Command, tmp_path: Path
) -> None:
    iam = account.client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="lab-boundary", PolicyDocument=json.dumps(document))["Policy"][
        "Arn"
    ]
    configure(tmp_path, APP_NAME="Bounded")
    assert command("setup").code == 0
    configure(tmp_path, APP_NAME="Bounded", PERMISSIONS_BOUNDARY=boundary)
    again = command("setup")
    configure(tmp_path, APP_NAME="BoundedNew", PERMISSIONS_BOUNDARY=boundary)
    assert command("setup").code == 0

    assert again.code == 0, again.said
    for app in ("Bounded", "BoundedNew"):
        for purpose in ("task", "instance", "fleet", "janitor"):
            role = iam.get_role(RoleName=role_name(app, "us-east-1", purpose))["Role"]
            assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary, (app, purpose)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AWS_REGION": "cn-north-1"}, "AWS_REGION = 'cn-north-1' is in AWS partition aws-cn"),
        ({"AWS_REGION": "us-gov-west-1"}, "AWS_REGION = 'us-gov-west-1' is in AWS partition aws-us-gov"),
        ({"AWS_BUCKET": "plates--use1-az4--x-s3"}, "is a directory bucket (S3 Express One Zone)"),
        ({"SOURCE_BUCKET": "plates-abcdefghijk-s3alias"}, "is an access point's alias"),
        ({"MORE_SOURCE_BUCKETS": ["s3://plates"]}, "MORE_SOURCE_BUCKETS[0] = 's3://plates': must be"),
        (
            {"TASK_ROLE": "arn:aws:iam::1:role/x"},
            "TASK_ROLE = 'arn:aws:iam::1:role/x': must be a role",
        ),
        ({"PERMISSIONS_BOUNDARY": "boundary"}, "PERMISSIONS_BOUNDARY = 'boundary': must be a policy's ARN"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    account: Account, command: Command, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    configure(tmp_path, APP_NAME="Refused", **settings)
    before = account.everything()

    ended = command("setup")

    assert ended.code == 2, ended.said
    assert words in ended.err
    assert account.settled(before) == before


def test_a_bucket_in_another_region_is_said_with_what_it_costs(
    account: Account, command: Command, tmp_path: Path
) -> None:
    place = {"LocationConstraint": "eu-west-1"}
    s3 = boto3.client("s3", region_name="eu-west-1")
    s3.create_bucket(Bucket="far-away", CreateBucketConfiguration=place)
    configure(tmp_path, APP_NAME="FarAway", SOURCE_BUCKET="far-away")

    ended = command("setup")

    assert ended.code == 0, ended.said
    assert "SOURCE_BUCKET = 'far-away' is in eu-west-1" in " ".join(ended.err.split())
    assert "costs about $0.02" in " ".join(ended.err.split())


def test_a_bucket_whose_requester_pays_is_refused_by_name_and_nothing_is_made(
    account: Account, command: Command, tmp_path: Path, faulty: str
) -> None:
    account.client("s3").create_bucket(Bucket="open-data")
    configure(tmp_path, APP_NAME="Paying", SOURCE_BUCKET="open-data")
    denied = {"code": "AccessDenied", "status": 403, "message": "Access Denied"}
    here = {"service": "s3", "resource": "open-data"}
    set_faults(
        account.data,
        {**here, "headers": {"x-amz-request-payer": "requester"}, "latency": 1},
        {**here, "error": denied},
    )

    ended = command("setup")

    set_faults(account.data)
    assert ended.code == 2, ended.said
    assert "SOURCE_BUCKET = 'open-data' is a Requester Pays bucket" in ended.err
    assert "--request-payer requester s3://open-data/" in ended.err
    assert "Paying" not in str(account.everything())


def test_a_bucket_that_is_refused_is_said_with_the_words_of_s3(
    account: Account, command: Command, tmp_path: Path, faulty: str
) -> None:
    configure(tmp_path, APP_NAME="WithoutMfa")
    said = (
        "User: arn:aws:iam::1:user/x is not authorized to perform: s3:ListBucket on resource:"
        f" arn:aws:s3:::{BUCKET} with an explicit deny in an identity-based policy"
    )
    error = {"code": "AccessDenied", "status": 403, "message": said}
    set_faults(account.data, {"service": "s3", "resource": BUCKET, "error": error})

    ended = command("setup")

    set_faults(account.data)
    assert ended.code == 2, ended.said
    assert f"AWS_BUCKET = '{BUCKET}': S3 refuses access (403)" in ended.err
    assert "permission s3:ListBucket is missing" in ended.err
    assert (
        "explicit deny in an identity-based policy; an account that requires MFA first responds like this"
        in ended.err
    )
    assert "WithoutMfa" not in str(account.everything())


#: Ways to sign in that have expired, or that nobody can use here, with what is said about them.
SIGNED_OUT = {
    "sso": (
        "sso_session = lab\nsso_account_id = 123456789012\nsso_role_name = x",
        ("Token has expired", "aws sso login"),
    ),
    "older-sso": (
        "sso_start_url = https://lab.invalid/start\nsso_region = us-east-1\nsso_account_id = 123456789012\n"
        "sso_role_name = x",
        ("has expired or is otherwise invalid", "aws sso login"),
    ),
    "mfa": (
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = keys\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/me",
        ("AWS requires an MFA code", "aws configure export-credentials"),
    ),
    "login": (
        "login_session = arn:aws:iam::123456789012:user/me",
        ("botocore[crt]", "aws configure export-credentials"),
    ),
}


@pytest.mark.parametrize("way", SIGNED_OUT)
def test_a_way_to_sign_in_that_has_ended_or_needs_a_person_is_named_with_what_to_do(
    account: Account, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    profile, words = SIGNED_OUT[way]
    aws = tmp_path / ".aws"
    (aws / "sso" / "cache").mkdir(parents=True)
    (aws / "config").write_text(
        f"[profile {way}]\n{profile}\n[profile keys]\naws_access_key_id = a\naws_secret_access_key = b\n"
        "[sso-session lab]\nsso_start_url = https://lab.invalid/start\nsso_region = us-east-1\n"
        "sso_registration_scopes = sso:account:access\n"
    )
    token = {"startUrl": "https://lab.invalid/start", "accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z"}
    for name in ("lab", "https://lab.invalid/start"):
        key = hashlib.sha1(name.encode()).hexdigest()
        (aws / "sso" / "cache" / f"{key}.json").write_text(json.dumps(token))
    configure(tmp_path, APP_NAME="SignedOut", AWS_PROFILE=way)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name)
    before = account.everything()

    ended = run_py("--config", tmp_path / "config.py", "setup", environment={"HOME": str(tmp_path)})

    assert ended.code == 2, ended.said
    assert "Nothing was changed" in ended.err and "Traceback" not in ended.err
    for word in words:
        assert word in ended.err
    assert account.everything() == before


def test_machines_without_an_address_are_said_to_need_a_way_out(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Private", ASSIGN_IP=False)

    said = " ".join(command("setup").err.split())

    assert "ASSIGN_IP = False" in said
    assert "need a NAT, or VPC endpoints for ecs, ecs-agent, ecs-telemetry, sqs, logs and s3" in said


def test_inputs_in_a_bucket_that_workers_may_not_read_are_refused_by_submit_job_until_it_is_named(
    account: Account, command: Command, tmp_path: Path
) -> None:
    account.client("s3").create_bucket(Bucket="core-facility")
    account.client("s3").put_object(Bucket="core-facility", Key="a.tif", Body=b"II*\0\x08\0\0\0" + bytes(40))
    job_file = {
        "output_file_location": "out",
        "inputs": ["s3://archive/{Well}.tif"],
        "groups": [{"Well": "A1", "image": "s3://core-facility/a.tif"}],
    }
    (tmp_path / "job.json").write_text(json.dumps(job_file))
    configure(tmp_path, APP_NAME="Reading")
    assert command("setup").code == 0
    refused = command("submitJob", "job.json")
    del job_file["inputs"]
    (tmp_path / "job.json").write_text(json.dumps(job_file))
    configure(tmp_path, APP_NAME="Reading", MORE_SOURCE_BUCKETS=["core-facility"])
    assert command("setup").code == 0

    taken = command("submitJob", "job.json")

    assert refused.code == 2
    assert "inputs: s3://archive/A1.tif is in a bucket that the workers may not read" in refused.err
    assert "groups[1].image: s3://core-facility/a.tif" in refused.err
    assert "add 'core-facility' to MORE_SOURCE_BUCKETS" in refused.err
    assert taken.code == 0, taken.said


def test_a_bucket_that_refuses_the_runs_state_is_found_out_by_setup_and_nothing_is_made(
    account: Account, command: Command, tmp_path: Path, faulty: str
) -> None:
    configure(tmp_path, APP_NAME="Encrypted")
    said = (
        "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: s3:PutObject on resource: y with"
        " an explicit deny in a resource-based policy"
    )
    error = {"code": "AccessDenied", "status": 403, "message": said}
    set_faults(account.data, {"service": "s3", "operation": "PutObject", "error": error})
    before = account.everything()

    ended = command("setup")

    assert ended.code == 2
    assert f"AWS_BUCKET = '{BUCKET}': the run's state cannot be written" in ended.err
    assert "permission s3:PutObject is missing" in ended.err
    assert "set it in UPLOAD_FLAGS" in ended.err
    assert account.settled(before) == before


def test_a_denied_call_names_the_permission_and_where_all_of_them_stand(
    account: Account, ready: Command, faulty: str
) -> None:
    said = (
        "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:getqueueattributes on resource:"
        " arn:aws:sqs:us-east-1:1:q because no identity-based policy allows the sqs:getqueueattributes action"
    )
    error = {"code": "AccessDenied", "status": 403, "message": said}
    set_faults(account.data, {"service": "sqs", "operation": "GetQueueAttributes", "error": error})

    ended = ready("submitJob", "job.json")

    assert ended.code == 1
    assert ended.err.count("permission sqs:GetQueueAttributes is missing on arn:aws:sqs:us-east-1:1:q") == 1
    assert "policy submitJob` prints what it needs" in ended.err


def test_policy_prints_for_each_command_what_iam_takes_in_one_piece(command: Command) -> None:
    for name in COMMANDS:
        printed = command("policy", name, "--account", ACCOUNT)
        document = json.loads(printed.out)
        assert set(document) == {"Version", "Statement"}
        assert len("".join(json.dumps(document).split())) <= 6144, name
        assert "To split it" not in printed.err


def test_a_rehearsals_policy_is_that_of_an_app_of_its_own(command: Command) -> None:
    printed = command("policy", "--rehearsal", "setup", "--account", ACCOUNT)

    assert f"{APP}RehearsalQueue" in printed.out and f"{APP}Queue" not in printed.out


def test_policy_for_all_commands_says_how_to_split_what_is_too_long(command: Command) -> None:
    printed = command("policy", "--account", ACCOUNT)

    assert json.loads(printed.out)["Statement"]
    assert "IAM's limit for one managed policy is 6144" in printed.err
    for name in COMMANDS:
        assert name in printed.err.partition("To split it")[2]


def test_policy_refuses_what_is_no_command_and_no_account(command: Command) -> None:
    ended = command("policy", "setups", "--account", "12")

    assert ended.code == 2
    assert "setups is not a command that uses AWS; did you mean setup?" in ended.err
    assert "--account 12" in ended.err


@pytest.mark.parametrize(("environment", "named"), [({}, "institute"), ({"AWS_PROFILE": "here"}, "here")])
def test_the_profile_of_the_environment_comes_before_that_of_a_record(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    settings, _ = load_settings(tmp_path / "config.py")
    record = new_run(settings, started=1, run_id="t", local=False)
    write_record(tmp_path / "record.json", replace(record, profile="institute"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ended = command("monitor", str(tmp_path / "record.json"))

    assert ended.code == 2
    assert "record.json cannot be used" in ended.err
    assert f"AWS_PROFILE = '{named}'" in ended.err


def test_commands_say_in_which_account_they_are_and_as_whom(ready: Command) -> None:
    assert (
        f"AWS account {ACCOUNT}, us-east-1, as arn:aws:sts::{ACCOUNT}:user/"
        in ready("submitJob", "job.json").err
    )
