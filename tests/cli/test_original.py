"""The original's own example files: problems are named as they ship; filled in, the files are accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import BUCKET, Account, Command

ORIGINAL = Path(__file__).parent / "original"

#: What a user puts in place of the examples' placeholders. Nobody answers at that address from here.
FILLED = {
    "your-bucket-name": BUCKET,
    "'bucket-name'": f"'{BUCKET}'",
    "https://some/url/with/a/script.y": "https://scripts.invalid/measure.py",
}


def filled(name: str) -> str:
    text = (ORIGINAL / name).read_text(encoding="utf-8")
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    return text


def test_the_config_as_it_ships_names_its_placeholders(command: Command, tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text((ORIGINAL / "config.py").read_text())

    ended = command("setup")

    assert ended.code == 2
    named = re.findall(r"^  - (\w+) = .* is still the example's placeholder", ended.err, re.MULTILINE)
    assert named == ["AWS_BUCKET", "SCRIPT_DOWNLOAD_URL"]


def test_config_and_job_file_filled_in_go_through_with_warnings(
    account: Account, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "config.py").write_text(filled("config.py"))

    made = command("setup")
    sent = command("submitJob", str(ORIGINAL / "exampleJob.json"))

    assert made.code == sent.code == 0, made.said + sent.said
    for name in ("DOCKERHUB_TAG", "SSH_KEY_NAME", "SQS_DEAD_LETTER_QUEUE", "DOWNLOAD_FILES"):
        assert re.search(rf"^Warning: config.py: {name}", made.err, re.MULTILINE), name
    assert sent.out.startswith("2 jobs sent to ")
    bodies = received(account, sent.out.split()[-1])
    assert [body["Metadata"]["Well"] for body in bodies] == ["A1", "A2"]
    for body in bodies:
        assert body["output_file_location"] == "projects/output/"
        assert body["shared_metadata"]["input_file_location"] == "/home/ubuntu/bucket/projects/input"


def received(account: Account, url: str) -> list[dict[str, dict[str, str]]]:
    answer = account.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    bodies = [json.loads(message["Body"]) for message in answer["Messages"]]
    return sorted(bodies, key=lambda body: body["Metadata"]["Well"])


def test_the_siblings_config_filled_in_explains_what_does_nothing_here(
    command: Command, tmp_path: Path
) -> None:
    script = "\nSCRIPT_DOWNLOAD_URL = 'script.ijm'\n"
    (tmp_path / "config.py").write_text(filled("cellprofiler_config.py") + script)

    made = command("setup")

    assert made.code == 0, made.said
    for name in ("DOCKER_CORES", "CPU_SHARES", "SECONDS_TO_START", "WORKSPACE_BUCKET", "ALWAYS_CONTINUE",
                 "USE_PLUGINS", "UPDATE_PLUGINS", "PLUGINS_COMMIT", "INSTALL_REQUIREMENTS",
                 "REQUIREMENTS"):  # fmt: skip
        assert re.search(rf"^Warning: config.py: {name} is ignored: ", made.err, re.MULTILINE), name


def test_the_fleet_file_as_it_ships_names_every_placeholder(command: Command, tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(filled("config.py"))
    command("setup")

    ended = command("startCluster", str(ORIGINAL / "exampleFleet_us-east-1.json"))

    assert ended.code == 2
    for place in ("IamFleetRole", "KeyName", "IamInstanceProfile.Arn", "SubnetId", "Groups[0]"):
        assert f"{place} = " in ended.err


@pytest.mark.parametrize("name", ["config.py", "cellprofiler_config.py"])
def test_no_setting_of_the_originals_is_unknown(command: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "config.py").write_text(filled(name))

    assert "unknown setting" not in command("setup").err
