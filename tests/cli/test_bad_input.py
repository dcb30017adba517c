"""Bad input is refused before anything happens: exit 2, the field named, nothing created, nothing sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.settings import EXAMPLE_IMAGE
from tests.cli.conftest import APP, BUCKET, Account, Command, configure
from tests.commands import Ended
from tests.emulators import set_faults

ORIGINAL = Path(__file__).parent / "original"


def refused(account: Account, command: Command, *arguments: str) -> Ended:
    """Run a command that must change nothing; return how it ended."""
    before = account.everything()
    ended = command(*arguments)
    assert account.settled(before) == before
    assert (ended.code, ended.out) == (2, ""), ended.said
    assert "Traceback" not in ended.err
    return ended


CONFIGS = [
    ({"AWS_BUCKET": ""}, "AWS_BUCKET = ''"),
    (
        {"AWS_BUCKET": "your-bucket-name"},
        "AWS_BUCKET = 'your-bucket-name' is still the example's placeholder",
    ),
    ({"AWS_BUCKET": "nobody-has-this"}, "AWS_BUCKET = 'nobody-has-this': this bucket does not exist"),
    ({"SOURCE_BUCKET": "nobody-has-this"}, "SOURCE_BUCKET = 'nobody-has-this': this bucket does not exist"),
    ({"MACHINE_PRICE": 0}, "MACHINE_PRICE = 0"),
    ({"MACHINE_PRICE": "cheap"}, "MACHINE_PRICE = 'cheap'"),
    ({"MACHINE_TYPE": ["m5.gigantic"]}, "MACHINE_TYPE = ['m5.gigantic']"),
    ({"MACHINE_TYPE": []}, "MACHINE_TYPE = []"),
    ({"MEMORY": 60_000}, "MEMORY = 60000"),
    ({"MEMORY": 4096, "TASKS_PER_MACHINE": 2}, "TASKS_PER_MACHINE = 2 is 8192 MiB"),
    ({"AWS_REGION": "eu-central-9"}, "AWS_REGION = 'eu-central-9'"),
    ({"AWS_REGION": "Ohio"}, "AWS_REGION = 'Ohio'"),
    ({"SCRIPT_DOWNLOAD_URL": "missing.ijm"}, "SCRIPT_DOWNLOAD_URL = 'missing.ijm'"),
    ({"SCRIPT_DOWNLOAD_URL": f"s3://{BUCKET}/missing.ijm"}, "SCRIPT_DOWNLOAD_URL"),
    ({"SCRIPT_DOWNLOAD_URL": "https://some/url/with/a/script.y"}, "SCRIPT_DOWNLOAD_URL"),
    ({"EBS_VOL_SIZE": 8}, "EBS_VOL_SIZE = 8"),
    ({"UPLOAD_FLAGS": "--metadata note=it's"}, "it cannot be split into words (No closing quotation)"),
    ({"UPLOAD_FLAGS": "--exclude *.tmp"}, "--exclude cannot be used: it selects files"),
    ({"UPLOAD_FLAGS": "--acl --sse"}, "--acl needs a value"),
    ({"UPLOAD_FLAGS": "--acl everybody"}, "--acl everybody: must be one of private, "),
    ({"UPLOAD_FLAGS": "--sse-kms-key-id 123"}, "--sse-kms-key-id also needs --sse aws:kms"),
    ({"UPLOAD_FLAGS": "--colour red"}, "unknown flag --colour; supported flags: --acl, "),
    ({"UPLOAD_FLAGS": "private"}, "'private' is not a flag"),
    ({"NECESSARY_STRING": "a\0b"}, "NECESSARY_STRING = 'a\\x00b': must not contain control characters"),
    ({"EXPECTED_NUMBER_FILES": 10**400}, "EXPECTED_NUMBER_FILES"),
]


@pytest.mark.parametrize(("settings", "words"), CONFIGS, ids=[words[:40] for _, words in CONFIGS])
def test_a_wrong_setting_makes_nothing(
    account: Account, command: Command, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    configure(tmp_path, **{"APP_NAME": "Wrong", **settings})

    ended = refused(account, command, "setup")

    assert words in ended.err
    assert "Nothing was changed" in ended.err


def test_a_bucket_of_somebody_else_makes_nothing(account: Account, command: Command) -> None:
    answer = {"code": "AccessDenied", "status": 403}
    set_faults(account.data, {"service": "s3", "operation": "HeadBucket", "error": answer})
    try:
        ended = refused(account, command, "setup")
    finally:
        set_faults(account.data)

    assert f"AWS_BUCKET = '{BUCKET}': S3 refuses access (403)" in ended.err


@pytest.mark.parametrize("arguments", [["setup"], ["submitJob", "job.json"], ["startCluster", "fleet.json"]])
def test_without_credentials_it_says_what_to_do(
    account: Account, command: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    before = account.everything()
    with monkeypatch.context() as nobody:
        nobody.delenv("AWS_ACCESS_KEY_ID")
        nobody.delenv("AWS_SECRET_ACCESS_KEY")
        ended = command(*arguments)

    assert ended.code == 2, ended.said
    assert "credentials" in ended.err
    assert "aws configure" in ended.err
    assert account.settled(before) == before


def test_a_profile_that_is_not_there_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    configure(tmp_path, AWS_PROFILE="institute")

    ended = command("setup")

    assert ended.code == 2
    assert "AWS_PROFILE = 'institute'" in ended.err
    assert "aws configure --profile institute" in ended.err


def a_job_file(**parts: Any) -> str:
    return json.dumps({"output_file_location": "out", "groups": [{"Well": "A1"}], **parts})


JOB_FILES = {
    "not there": (None, "this file does not exist"),
    "empty": ("", "it is empty"),
    "cut off": ('{"groups": [', "it is not JSON"),
    "a list": ("[]", "it must be a JSON object"),
    "no location": (json.dumps({"groups": [{"Well": "A1"}]}), "output_file_location is missing"),
    "no groups": (json.dumps({"output_file_location": "out"}), "groups is missing"),
    "empty groups": (a_job_file(groups=[]), "groups is empty"),
    "groups that are none": (a_job_file(groups={"Well": "A1"}), "groups must be a list"),
    "a group that is none": (a_job_file(groups=["A1"]), "groups[1] must be an object"),
    "nested metadata": (a_job_file(groups=[{"Well": {"row": "A"}}]), "groups[1].Well must be a string"),
    "nested shared": (a_job_file(shared_metadata={"sizes": [1, [2]]}), "shared_metadata.sizes[2] must be"),
    "an empty list": (a_job_file(groups=[{"images": []}]), "groups[1].images is an empty list"),
    "a list in a place": (
        a_job_file(output_file_location="out/{Well}", groups=[{"Well": ["A1", "A2"]}]),
        "{Well} in output_file_location or inputs must be one value, not a list",
    ),
    "a whole bucket": (
        a_job_file(groups=[{"image": "s3://bucket/"}]),
        "groups[1].image: 's3://bucket/' names a",
    ),
    "an input inside of a text": (
        a_job_file(shared_metadata={"options": "open=/home/ubuntu/bucket/a.tif"}),
        "shared_metadata.options: 'open=/home/ubuntu/bucket/a.tif' contains an S3 address inside other text",
    ),
    "a pattern without a bucket": (
        a_job_file(inputs=["s3:///a.tif"]),
        "inputs: 's3:///a.tif' names no bucket",
    ),
    "null": (a_job_file(groups=[{"Well": None}]), "groups[1].Well must be a string"),
    "not a number": ('{"output_file_location": "o", "groups": [{"x": NaN}]}', "groups[1].x must be"),
    "a key with a space": (
        a_job_file(groups=[{"the well": "A1"}]),
        "'the well' is not a valid parameter name",
    ),
    "a key with a hyphen": (a_job_file(shared_metadata={"a-b": 1}), "'a-b' is not a valid parameter name"),
    "a key twice": ('{"output_file_location": "o", "groups": [{"a": 1, "a": 2}]}', "'a' appears twice"),
    "no text": (
        a_job_file(groups=[{"Well": "A\uffff"}]),
        "groups[1].Well contains an invalid character",
    ),
    "too large": (a_job_file(groups=[{"text": "x" * 1_100_000}]), "groups[1]: its message is"),
    "climbs out": (a_job_file(output_file_location="../out"), "output_file_location '../out'"),
    "climbs out later": (a_job_file(output_file_location="a/../../out"), "must not contain '..'"),
    "climbs by a group": (
        a_job_file(output_file_location="out/{Well}", groups=[{"Well": "../.."}]),
        "groups[1]: output_file_location",
    ),
    "absolute": (a_job_file(output_file_location="/home/out"), "'/home/out' must not start with /"),
    "absolute by a group": (
        a_job_file(output_file_location="{Well}", groups=[{"Well": "/etc"}]),
        "groups[1]: output_file_location '/etc' must not start with /",
    ),
    "in another bucket": (a_job_file(output_file_location="s3://other/out"), "leave out s3://"),
    "in the runs' own state": (
        a_job_file(output_file_location="distributed-fiji/APP/manifests"),
        "is inside distributed-fiji/",
    ),
    "in the exported logs": (
        a_job_file(output_file_location="{Folder}/x", groups=[{"Folder": "exportedlogs"}]),
        "groups[1]: output_file_location 'exportedlogs/x' is inside exportedlogs/",
    ),
    "longer than a key": (a_job_file(output_file_location="ä" * 512), "the S3 limit is 1024"),
    "a dot for a folder": (a_job_file(output_file_location="out/./a"), "'..' or '.'"),
    "a value that is empty": (
        a_job_file(output_file_location="out/{Plate}/{Well}", groups=[{"Plate": "", "Well": "A01"}]),
        "groups[1]: output_file_location 'out//A01' contains '//'",
    ),
    "a line break": (a_job_file(output_file_location="out\n"), "control character"),
    "an unknown name": (a_job_file(output_file_location="{Wel}"), "{Wel} in output_file_location"),
    "the sibling's": ((ORIGINAL / "cellprofiler_job.json").read_text(), "output_file_location is missing"),
}


@pytest.mark.parametrize("name", JOB_FILES)
def test_a_wrong_job_file_sends_nothing(account: Account, ready: Command, tmp_path: Path, name: str) -> None:
    text, words = JOB_FILES[name]
    (tmp_path / "job.json").unlink()
    if text is not None:
        (tmp_path / "job.json").write_text(text)

    ended = refused(account, ready, "submitJob", "job.json")

    assert words in ended.err
    assert "job.json cannot be used. Nothing was changed" in ended.err


def a_fleet_file(**specification: Any) -> str:
    return json.dumps({"LaunchSpecifications": [specification]})


FLEET_FILES = {
    "not there": (None, "this file does not exist"),
    "not JSON": ("{'Type': 'maintain'}", "it is not JSON"),
    "a list": ("[]", "it must be a JSON object"),
    "an unknown key": ('{"TargetCapacty": 3}', "TargetCapacty: unknown fleet key"),
    "no specifications": ('{"LaunchSpecifications": []}', "LaunchSpecifications is empty"),
    "specifications that are none": ('{"LaunchSpecifications": "m5"}', "must be a list of objects"),
    "an unknown key inside": (a_fleet_file(Kernel="x"), "LaunchSpecifications[0].Kernel is not supported"),
    "a strategy that is none": ('{"AllocationStrategy": "cheap"}', "AllocationStrategy = 'cheap'"),
    "a type that is none": ('{"Type": "instant"}', "Type = 'instant'"),
    "a subnet that is not there": ('{"Subnets": ["subnet-12345678"]}', "Subnets"),
    "an image that is not there": ('{"ImageId": "ami-12345678"}', "ImageId = 'ami-12345678'"),
    "a key pair that is not there": ('{"KeyName": "mine"}', "KeyName = 'mine'"),
    "a role that is not there": ('{"IamFleetRole": "nobody"}', "IamFleetRole: role nobody does not exist"),
    "a profile that is not there": ('{"IamInstanceProfile": "nobody"}', "IamInstanceProfile"),
    "the original's, as it ships": (
        (ORIGINAL / "exampleFleet_us-east-1.json").read_text(),
        "NetworkInterfaces[0].SubnetId = 'subnet-WWWWWWWW' is still the example's placeholder",
    ),
}


@pytest.mark.beyond_role("nobody")
@pytest.mark.parametrize("name", FLEET_FILES)
def test_a_wrong_fleet_file_starts_nothing(
    account: Account, ready: Command, tmp_path: Path, name: str
) -> None:
    text, words = FLEET_FILES[name]
    (tmp_path / "fleet.json").unlink()
    if text is not None:
        (tmp_path / "fleet.json").write_text(text)

    ended = refused(account, ready, "startCluster", "fleet.json")

    assert words in ended.err
    assert not list((Path(__file__).parents[2] / "files").glob(f"{APP}SpotFleet*"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MEMORY": 60_000}, "MEMORY = 60000"),
        ({"MACHINE_TYPE": ["m5.gigantic"]}, "MACHINE_TYPE = ['m5.gigantic']"),
        ({"MACHINE_PRICE": 0}, "MACHINE_PRICE = 0"),
        ({"MACHINE_TYPE": ["m5.large", "m6g.large"]}, "mixes architectures"),
        (
            {"DOCKERHUB_TAG": EXAMPLE_IMAGE},
            f"DOCKERHUB_TAG = {EXAMPLE_IMAGE!r} is still the example's placeholder",
        ),
    ],
)
def test_settings_that_went_wrong_after_setup_start_nothing(
    account: Account, ready: Command, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    configure(tmp_path, **settings)

    ended = refused(account, ready, "startCluster", "fleet.json")

    assert words in ended.err
