"""The command line itself: help with an example, wrong usage in one line, wrong files in a list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run_py

COMMANDS = ("setup", "submitJob", "startCluster", "monitor", "inventory", "cleanup")

ENOUGH = "APP_NAME = 'Usage'\nAWS_BUCKET = 'usage-bucket'\nSCRIPT_DOWNLOAD_URL = 's3://usage-bucket/a.ijm'\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command: str) -> None:
    ended = run_py(command, "--help")

    assert ended.code == 0
    assert f"Example: python run.py {command}" in ended.out


def test_help_lists_every_command() -> None:
    ended = run_py("--help")

    assert ended.code == 0
    for command in (*COMMANDS, "local"):
        assert f"  {command} " in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submitJob"], "JOB_FILE"),
        (["startCluster"], "FLEET_FILE"),
        (["monitor"], "RECORD_FILE"),
        (["nonsense"], "nonsense"),
        (["setup", "--nonsense"], "--nonsense"),
        (["--runtime", "magic", "setup"], "magic"),
        ([], "command"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: list[str], words: str) -> None:
    ended = run_py(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    assert len(ended.err.strip().splitlines()) == 1
    assert words in ended.err


def test_config_may_stand_before_the_command_and_after_it(tmp_path: Path) -> None:
    config = tmp_path / "mine.py"
    config.write_text("APP_NAME = 'two words'\n")

    before = run_py("--config", config, "setup")
    after = run_py("setup", "--config", config)

    assert before.code == after.code == 2
    assert before.err == after.err
    assert "'two words'" in before.err


def test_the_example_config_names_what_the_user_must_fill_in() -> None:
    ended = run_py("setup")

    assert ended.code == 2
    assert "AWS_BUCKET" in ended.err
    assert "SCRIPT_DOWNLOAD_URL" in ended.err
    assert "nothing was changed" in ended.err


@pytest.mark.parametrize(
    ("command", "file", "content", "words"),
    [
        ("submitJob", "job.json", {"groups": []}, ["output_file_location", "groups"]),
        ("submitJob", "none.json", None, ["no such file"]),
        (
            "startCluster",
            "fleet.json",
            {"Type": "x", "AllocationStrategy": "y"},
            ["Type", "AllocationStrategy"],
        ),
        ("monitor", "record.json", {"MONITOR_FLEET_ID": "sfr-1"}, ["MONITOR_APP_NAME", "region"]),
        ("monitor", "none.json", None, ["startCluster"]),
    ],
)
def test_a_wrong_file_is_exit_2_with_all_that_is_wrong(
    tmp_path: Path, command: str, file: str, content: object, words: list[str]
) -> None:
    (tmp_path / "config.py").write_text(ENOUGH)
    if content is not None:
        (tmp_path / file).write_text(json.dumps(content))

    ended = run_py("--config", tmp_path / "config.py", command, tmp_path / file)

    assert ended.code == 2
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def test_a_record_of_the_embedded_cloud_is_not_watched_on_aws(tmp_path: Path) -> None:
    record = {
        "MONITOR_APP_NAME": "Usage", "MONITOR_ECS_CLUSTER": "c", "MONITOR_QUEUE_NAME": "q",
        "MONITOR_BUCKET_NAME": "b", "MONITOR_LOG_GROUP_NAME": "l", "MONITOR_START_TIME": "0",
        "CLEAN_DASHBOARD": "True", "region": "us-east-1", "local": True, "dead_letter_queue": "d",
        "service": "s", "task_family": "t", "machine_log_group": "m", "destination_bucket": "b",
        "image": "i", "script": "x", "machines": 1, "tasks_per_machine": 1, "machine_types": [],
        "machine_price": 1.0, "job_retries": 1, "visibility_seconds": 60, "dashboard": False,
        "auto_monitor": False, "client_token": "t",
    }  # fmt: skip
    (tmp_path / "record.json").write_text(json.dumps(record))

    ended = run_py("monitor", tmp_path / "record.json")

    assert ended.code == 2
    assert "--local" in ended.err
