"""Job and fleet files as editors and other programs write them, and metadata that do not fit the script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import BUCKET, Account, Command, configure
from tests.cli.test_bad_input import refused

GOOD = b'{"output_file_location": "res/{Well}", "groups": [{"Well": "A01"}]}'
MARK = b"\xef\xbb\xbf"


def with_well(text: str) -> bytes:
    """Return a job file whose only group has this text as its Well."""
    return b'{"output_file_location": "res", "groups": [{"Well": %s}]}' % text.encode()


WRONG = {
    "UTF-16": (GOOD.decode().encode("utf-16"), "it is saved as UTF-16; save it as UTF-8"),
    "Latin-1": (GOOD.replace(b"A01", b"\xb5"), "it is not UTF-8 (line 1); save it as UTF-8"),
    "empty": (b"", "it is empty"),
    "a key twice": (
        GOOD.replace(b'"groups"', b'"groups": [], "groups"'),
        "'groups' appears twice in one object",
    ),
    "NaN": (with_well("NaN"), "groups[1].Well must be a finite number, not nan"),
    "beyond a double": (with_well("1e999"), "groups[1].Well must be a finite number, not inf"),
    "beyond any integer": (with_well("9" * 5000), "groups[1].Well must be a finite number, not inf"),
    "nested deeply": (with_well("[" * 100_000 + "]" * 100_000), "it is nested too deeply"),
    "half a pair": (with_well('"\\ud800"'), "groups[1].Well contains an invalid character"),
    "half a pair in inputs": (
        GOOD.replace(b'"groups"', b'"inputs": "in/\\ud800", "groups"'),
        "inputs: 'in/\\ud800' contains an invalid character",
    ),
    "half a pair as a key": (GOOD.replace(b'"Well"', b'"\\ud800"'), "contains an invalid character"),
    "NUL": (with_well('"A\\u0000"'), "groups[1].Well contains an invalid character"),
    "two braces": (GOOD.replace(b"{Well}", b"{{Well}}"), "names go in single braces, for example {Well}"),
    "half a brace": (GOOD.replace(b"{Well}", b"{Well"), "has an unmatched brace"),
    "another case": (GOOD.replace(b"{Well}", b"{well}"), "did you mean {Well}?"),
    "Distributed-CellProfiler's": (
        GOOD.replace(b'{"Well": "A01"}', b'{"Metadata": "Plate=P1,Well=A01"}'),
        'here, write {"Plate": "P1", "Well": "A01"}',
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_job_file_sends_nothing(
    account: Account, ready: Command, tmp_path: Path, name: str
) -> None:
    content, words = WRONG[name]
    (tmp_path / "job.json").write_bytes(content)

    assert words in " ".join(refused(account, ready, "submitJob", "job.json").err.split())


def test_a_fleet_file_is_read_in_the_same_way(account: Account, ready: Command, tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_bytes("{}".encode("utf-16"))
    assert "it is saved as UTF-16" in refused(account, ready, "startCluster", "fleet.json").err

    (tmp_path / "fleet.json").write_bytes(MARK + b'{"Type": "never"}')
    assert "Type = 'never': must be one of" in refused(account, ready, "startCluster", "fleet.json").err


MOUNTS = ["/home/ubuntu/bucket/", "home/ubuntu/bucket/", "//home/ubuntu/bucket//"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_place_below_the_originals_mount_is_one_in_the_bucket(
    account: Account, ready: Command, tmp_path: Path, mount: str
) -> None:
    (tmp_path / "job.json").write_bytes(MARK + GOOD.replace(b"res/", mount.encode() + b"res/"))
    sqs = account.client("sqs")

    ended = ready("submitJob", "job.json", "--yes")

    assert ended.code == 0, ended.said
    assert "is relative to the bucket's root: 'res/{Well}'" in " ".join(ended.err.split())
    url = ended.out.split()[-1]
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert json.loads(message["Body"])["output_file_location"] == "res/A01"


SCRIPT = """#@ String(label="Well (as A01)") well_name
#@ Double sigma
#@ Integer (value=3) rounds
#@ LogService log
#@output Integer count
Dialog.addNumber("Size (px)", 3);
"""


@pytest.mark.parametrize("where", ["script.ijm", f"s3://{BUCKET}/parameters.ijm"])
def test_metadata_that_nearly_fit_the_script_are_asked_about(
    account: Account, ready: Command, tmp_path: Path, where: str
) -> None:
    (tmp_path / "script.ijm").write_text(SCRIPT)
    account.client("s3").put_object(Bucket=BUCKET, Key="parameters.ijm", Body=SCRIPT.encode())
    configure(tmp_path, SCRIPT_DOWNLOAD_URL=where)
    groups = [{"WellName": f"A0{number}", "extra": 1} for number in range(2)]
    (tmp_path / "job.json").write_text(
        json.dumps({"output_file_location": "res", "answers": {"Sise (px)": 4}, "groups": groups})
    )

    before = account.everything()

    ended = ready("submitJob", "job.json", "--yes")

    said = " ".join(ended.err.split())
    assert ended.code == 2, ended.said
    assert account.settled(before) == before
    assert "the script does not ask 'Sise (px)'; did you mean 'Size (px)'?" in said
    assert "the script declares no parameter 'WellName'; did you mean 'well_name'?" in said
    assert "the script's parameter 'sigma' has no default, and no job sets it" in said
    assert not [word for word in ("'extra'", "'rounds'", "'log'", "'count'") if word in said]
