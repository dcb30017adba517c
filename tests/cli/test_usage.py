"""The command line itself: help with an example, wrong usage in one line, wrong files in a list."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import run
from distributed_fiji.errors import InvalidInput
from distributed_fiji.state.recordfile import check_writable
from tests.commands import CHECKOUT, Ended, run_py

COMMANDS = ("setup", "submitJob", "startCluster", "monitor", "inventory", "cleanup")
LOCAL_COMMANDS = ("status", "env", "stop", "reset", "interrupt")

PATHS = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}

ENOUGH = "APP_NAME = 'Usage'\nAWS_BUCKET = 'usage-bucket'\nSCRIPT_DOWNLOAD_URL = 's3://usage-bucket/a.ijm'\n"


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process: faster, and the same except for Python's start."""

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = run.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.mark.parametrize("command", [*COMMANDS, *(f"local {name}" for name in LOCAL_COMMANDS)])
def test_help_of_every_command_has_an_example(here: Callable[..., Ended], command: str) -> None:
    ended = here(*command.split(), "--help")

    assert ended.code == 0
    example = ended.out.split("Example:")[1]
    assert f"python run.py {command}" in example


def test_help_lists_every_command(here: Callable[..., Ended]) -> None:
    ended = here("--help")

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
        (["local", "nonsense"], "nonsense"),
        (["monitor", "record.json", "perhaps"], "perhaps"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    here: Callable[..., Ended], arguments: list[str], words: str
) -> None:
    ended = here(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    (line,) = ended.err.strip().splitlines()
    assert words in line
    assert "(for help: python run.py" in line


@pytest.mark.parametrize("words", [[], ["local"]])
def test_a_command_group_alone_shows_its_help(here: Callable[..., Ended], words: list[str]) -> None:
    alone, asked = here(*words), here(*words, "--help")

    assert (alone.code, alone.err) == (0, "")
    assert alone.out == asked.out


def test_the_version_is_the_projects(here: Callable[..., Ended]) -> None:
    (line,) = re.findall(r'^version = "(.+)"$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)

    ended = here("--version")

    assert (ended.code, ended.out) == (0, f"Distributed-FIJI {line}\n")


def test_messages_name_the_config_that_was_given(here: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(ENOUGH + "AWS_REGION = 'eu-central-9'\n")

    ended = here("--config", tmp_path / "other.py", "setup")

    assert ended.code == 2
    assert f"{tmp_path}/other.py cannot be used" in ended.err
    assert "config.py" not in ended.err


#: How each shell is started, and what it offers for Tab after a word; LINES are those of docs/first-run.md.
#: bash is asked through its function for run.py, zsh by keys on its own terminal, fish by its own command.
SHELLS = {
    "bash": (
        ["bash", "--norc", "-c"],
        """LINES
COMP_WORDS=(run.py submitJob --und) COMP_CWORD=2
$(complete -p run.py | sed 's/.*-F \\([^ ]*\\).*/\\1/') run.py
echo "${COMPREPLY[@]}"
""",
    ),
    "zsh": (
        ["zsh", "-f", "-c"],
        """zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'LINES; print REA""DY'
zpty -r shell said '*READY*'
zpty -w -n shell $'run.py submitJob --und\\t'
zpty -r shell said '*--undo*'
print -r -- "$said"
""",
    ),
    "fish": (["fish", "--no-config", "-c"], "LINES; complete -C 'run.py submitJob --und'"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tab_key_completes_commands_and_options(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        # .ci/shells.sh installs them, so that CI checks what the page says about each shell.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{shell} is not installed")
    page = (CHECKOUT / "docs" / "first-run.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if f"| {shell} |" in line)
    lines = row.split("`")[1].replace("\\|", "|")
    command, script = SHELLS[shell]

    done = subprocess.run(
        [*command, script.replace("LINES", lines)],
        capture_output=True,
        text=True,
        env={**PATHS, "HOME": str(tmp_path), "TERM": "dumb"},
        cwd=CHECKOUT,
        timeout=60,
    )

    assert "--undo" in done.stdout, done


def test_the_exit_code_is_that_of_the_process() -> None:
    assert run_py("nonsense").code == 2
    assert run_py("--help").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submitJob", "/dev/zero"], "it is not a file but a pipe or a device"),
        (["startCluster", "."], "it is a folder"),
        (["submitJob", "a\udcff.json"], "this file does not exist"),
        (["monitor", "x" * 300], "cannot be read"),
        (["cleanup", "*", "--yes"], "APP_NAME = '*'"),
        (["cleanup", "", "--yes"], "APP_NAME = ''"),
        (["--config", "/dev/stdin", "setup"], "cannot be used"),
    ],
)
def test_nonsense_is_refused_by_the_real_program_too(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "config.py").write_text(ENOUGH)

    ended = run_py("--config", tmp_path / "config.py", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert "Nothing was changed" in ended.err
    assert "Traceback" not in ended.err


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")

    with pytest.raises(InvalidInput, match=r"(?s)files is not writable.*check the permissions"):
        check_writable(tmp_path / "files")


def test_without_its_packages_it_says_how_to_get_them() -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(CHECKOUT / "run.py"), "setup"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "make venv" in done.stderr


def test_config_may_stand_before_the_command_and_after_it(here: Callable[..., Ended], tmp_path: Path) -> None:
    config = tmp_path / "mine.py"
    config.write_text("APP_NAME = 'two words'\n")

    before = here("--config", config, "setup")
    after = here("setup", "--config", config)

    assert before.code == after.code == 2
    assert before.err == after.err
    assert "'two words'" in before.err


def test_the_example_config_names_what_the_user_must_fill_in(here: Callable[..., Ended]) -> None:
    ended = here("setup")

    assert ended.code == 2
    assert "AWS_BUCKET" in ended.err
    assert "SCRIPT_DOWNLOAD_URL" in ended.err
    assert "Nothing was changed" in ended.err


@pytest.mark.parametrize(
    ("command", "file", "content", "words"),
    [
        ("submitJob", "job.json", {"groups": []}, ["output_file_location", "groups"]),
        ("submitJob", "none.json", None, ["this file does not exist"]),
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
    here: Callable[..., Ended], tmp_path: Path, command: str, file: str, content: object, words: list[str]
) -> None:
    (tmp_path / "config.py").write_text(ENOUGH)
    if content is not None:
        (tmp_path / file).write_text(json.dumps(content))

    ended = here("--config", tmp_path / "config.py", command, tmp_path / file)

    assert ended.code == 2
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def test_a_record_of_the_embedded_cloud_is_not_watched_on_aws(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
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

    ended = here("monitor", tmp_path / "record.json")

    assert ended.code == 2
    assert "--local" in ended.err
