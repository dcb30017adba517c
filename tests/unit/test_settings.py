"""config.py: an original one loads, what is wrong is named, all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import Settings, load_settings, parse_settings

CHECKOUT = Path(__file__).parents[2]

ENOUGH = {"APP_NAME": "Nuclei", "AWS_BUCKET": "my-bucket", "SCRIPT_DOWNLOAD_URL": "s3://my-bucket/a.ijm"}

#: A config.py as the original Distributed-FIJI ships it, with a user's own values in its placeholders.
ORIGINAL = """
APP_NAME = 'DistributedFiji'
LOG_GROUP_NAME = APP_NAME
DOCKERHUB_TAG = 'cellprofiler/distributed-fiji:latest'
AWS_REGION = 'us-east-1'
AWS_PROFILE = 'default'
SSH_KEY_NAME = 'your-key-file.pem'
AWS_BUCKET = '{bucket}'
ECS_CLUSTER = 'default'
CLUSTER_MACHINES = 3
TASKS_PER_MACHINE = 1
MACHINE_TYPE = ['m4.xlarge']
MACHINE_PRICE = 0.10
EBS_VOL_SIZE = 30
DOWNLOAD_FILES = 'False'
MEMORY = 4096
SCRIPT_DOWNLOAD_URL = '{script}'
SQS_QUEUE_NAME = APP_NAME + 'Queue'
SQS_MESSAGE_VISIBILITY = 1*60
SQS_DEAD_LETTER_QUEUE = 'user_DeadMessages'
AUTO_MONITOR = 'True'
CREATE_DASHBOARD = 'True'
CLEAN_DASHBOARD = 'True'
EXPECTED_NUMBER_FILES = 7
MIN_FILE_SIZE_BYTES = 1
NECESSARY_STRING = ''
"""


def problems(values: dict[str, object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_settings(values)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_an_original_config_loads_unchanged_with_explained_warnings(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(ORIGINAL.format(bucket="my-bucket", script="https://x.org/a.py"))

    settings, warnings = load_settings(tmp_path / "config.py")

    assert settings.CREATE_DASHBOARD is True
    assert settings.DOWNLOAD_FILES is False
    assert settings.HEARTBEAT_SECONDS * 3 <= settings.SQS_MESSAGE_VISIBILITY == 60
    assert settings.SOURCE_BUCKET == settings.DESTINATION_BUCKET == "my-bucket"
    assert settings.SSH_KEY_NAME == ""
    told = "\n".join(warnings)
    for name in ("DOCKERHUB_TAG", "SSH_KEY_NAME", "SQS_DEAD_LETTER_QUEUE", "DOWNLOAD_FILES"):
        assert name in told


def test_the_placeholders_of_the_original_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(
        ORIGINAL.format(bucket="your-bucket-name", script="https://some/url/with/a/script.y")
    )

    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path / "config.py")

    assert [line.split(" ")[0] for line in caught.value.problems] == ["AWS_BUCKET", "SCRIPT_DOWNLOAD_URL"]


def test_our_own_config_names_every_setting_and_only_lacks_what_is_the_users(tmp_path: Path) -> None:
    text = (CHECKOUT / "config.py").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"\n{name} = " in text, f"{name} is not in config.py"

    filled = text.replace("your-bucket-name", "my-bucket").replace(
        "https://some/url/with/a/script.y", "a.ijm"
    )
    (tmp_path / "config.py").write_text(filled, encoding="utf-8")
    settings, warnings = load_settings(tmp_path / "config.py")

    assert warnings == []
    assert settings.HEARTBEAT_SECONDS * 3 <= settings.SQS_MESSAGE_VISIBILITY


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("APP_NAME", "my app", "a letter, then"),
        ("AWS_BUCKET", "s3://bucket", "without s3://"),
        ("AWS_REGION", "Frankfurt", "a region such as us-east-1"),
        ("MACHINE_TYPE", ["large"], "instance type"),
        ("MACHINE_PRICE", 0, "greater than 0"),
        ("EBS_VOL_SIZE", 20, "greater than or equal to 22"),
        ("MEMORY", "lots", "integer"),
        ("CLUSTER_MACHINES", 0, "greater than or equal to 1"),
        ("JOB_RETRIES", 0, "greater than or equal to 1"),
        ("DOWNLOAD_FILES", "maybe", "True or False"),
        ("FIJI_RUNNER", "sideways", "'auto' or 'runner'"),
        ("FIJI_RUNNER", "direct", "is no longer supported"),
        ("THUMBNAILS", "s3://bucket/*overlay*", "a pattern for names of outputs, such as '*overlay*'"),
        ("THUMBNAILS", "/out/*.png", "a pattern for names of outputs"),
        ("THUMBNAILS", True, "should be a valid string"),
        ("SQS_QUEUE_NAME", "a queue", "80 characters"),
        ("HEARTBEAT_SECONDS", 100, "a third of SQS_MESSAGE_VISIBILITY"),
        ("SQS_MESSAGE_VISIBILITY", 5, "greater than or equal to 30"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    setting: str, value: object, words: str
) -> None:
    text = problems({**ENOUGH, setting: value})

    assert setting in text
    assert words in text
    shown = value[0] if isinstance(value, list) else value
    assert repr(shown) in text


def test_all_that_is_wrong_is_named_at_once() -> None:
    text = problems({"APP_NAME": "Nuclei", "MEMORY": "lots", "EBS_VOL_SIZE": 8, "HEARTBEAT_SECONDS": 999})

    for name in ("MEMORY", "EBS_VOL_SIZE", "HEARTBEAT_SECONDS", "AWS_BUCKET", "SCRIPT_DOWNLOAD_URL"):
        assert name in text


def test_a_setting_that_follows_from_a_wrong_one_is_not_named_beside_it() -> None:
    text = problems({**ENOUGH, "APP_NAME": "my app"})

    assert "QUEUE" not in text
    assert "LOG_GROUP" not in text


def test_both_spellings_of_true_mean_the_same() -> None:
    for value in (True, "True", "true"):
        assert parse_settings({**ENOUGH, "USE_XVFB": value})[0].DISPLAY_MODE == "xvfb"
        assert parse_settings({**ENOUGH, "ASSIGN_IP": value})[0].ASSIGN_IP is True


def test_the_old_name_of_the_display_setting_must_not_contradict_the_new_one() -> None:
    assert parse_settings(ENOUGH)[0].DISPLAY_MODE == "auto"
    assert parse_settings({**ENOUGH, "USE_XVFB": False})[0].DISPLAY_MODE == "auto"
    assert "USE_XVFB = 'often': must be True or False" in problems({**ENOUGH, "USE_XVFB": "often"})
    assert parse_settings({**ENOUGH, "USE_XVFB": True, "DISPLAY_MODE": "xvfb"})[0].DISPLAY_MODE == "xvfb"
    assert "USE_XVFB = True: contradicts DISPLAY_MODE = 'headless'" in problems(
        {**ENOUGH, "USE_XVFB": "True", "DISPLAY_MODE": "headless"}
    )
    assert "DISPLAY_MODE" in problems({**ENOUGH, "DISPLAY_MODE": "window"})


def test_a_misspelt_setting_is_warned_about_with_the_near_one() -> None:
    _, warnings = parse_settings({**ENOUGH, "CLUSTER_MACHINE": 3})

    assert warnings == ["unknown setting CLUSTER_MACHINE, ignored; did you mean CLUSTER_MACHINES?"]


@pytest.mark.parametrize(
    ("text", "words"), [("APP_NAME = ", "line 1 is not Python"), ("1/0", "ZeroDivisionError")]
)
def test_a_config_that_is_no_python_is_a_named_problem(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "config.py").write_text(text)

    with pytest.raises(InvalidInput, match=words):
        load_settings(tmp_path / "config.py")
