"""The documentation says what is there: every setting, every command, every link."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import awscli.clidriver
import click
import pytest

import run
from distributed_fiji.commands.commandline import Context
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal
from tests.faults import campaign
from worker.fiji import check

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [
    *(CHECKOUT / name for name in ("README.md", "CHANGES.md", "CONTRIBUTING.md", "tests/README.md")),
    *sorted((CHECKOUT / "docs").glob("*.md")),
]
COMMAND = re.compile(r"python run\.py ((?:--local |--runtime \w+ )*)(local )?([A-Za-z]+)")
TARGET = re.compile(r"`?make ([a-z][a-z-]+)`?")
FILE = re.compile(r"`((?:distributed_fiji|worker|tests|docs)/[\w./]+)`")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def commands() -> click.Group:
    run.mount_more()
    return run.main


def test_every_setting_stands_in_the_page_on_config() -> None:
    text = (CHECKOUT / "docs" / "config.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))

    assert documented == set(Settings.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_page_exists(page: Path) -> None:
    group = commands()
    for _, local, name in COMMAND.findall(page.read_text(encoding="utf-8")):
        owner = group.commands["local"] if local else group
        assert isinstance(owner, click.Group)
        assert name in owner.commands or name == "COMMAND", f"{page.name}: run.py {local}{name}"


BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECORDS = re.compile(r"files/\w+SpotFleetRequestId\.json")


def blocks(page: Path, *languages: str) -> list[str]:
    """Return a page's code blocks in one of these languages ("" where none is named)."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language in languages]


def command_lines() -> list[tuple[str, str]]:
    """Return page and text of every command line in a code block; what `$(…)` holds is a line too."""
    lines = []
    for page in PAGES:
        for block in blocks(page, "", "sh", "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                inner = re.search(r"\$\((.*)\)", line)
                lines.append((page.name, inner[1] if inner else line.split(" #")[0].strip()))
    return [(page, line) for page, line in lines if line]


def assert_run_py_takes(arguments: list[str]) -> None:
    """Parse arguments by the real command line, without running anything."""
    for argument in arguments:
        if argument.startswith("files/") and not RECORDS.fullmatch(argument):
            assert (CHECKOUT / argument).exists(), argument
    command: click.Command = commands()
    name, parent = "run.py", None
    while True:
        context = command.make_context(name, arguments, parent=parent, obj=Context(Terminal()))
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        found, next_command, arguments = command.resolve_command(context, rest)
        assert next_command is not None
        name, command, parent = str(found), next_command, context


def assert_aws_takes(arguments: list[str]) -> None:
    """Hold service and subcommand to the AWS CLI's own tables."""
    services = awscli.clidriver.create_clidriver().create_help_command().command_table
    assert arguments[1] in services[arguments[0]].create_help_command().command_table


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_every_command_in_a_code_block_is_one(page: str, line: str) -> None:
    program, *arguments = shlex.split(line)

    if program == "make":
        makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
        for target in (argument for argument in arguments if "=" not in argument):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page}: make {target}"
    elif program == "aws":
        assert_aws_takes(arguments)
    elif program == "source":
        assert arguments == [".venv/bin/activate"]
    elif arguments[:2] == ["-m", "worker.fiji.check"]:
        check.parser().parse_args(arguments[2:])
    else:
        assert [program, arguments[0]] == ["python", "run.py"], f"{page}: nothing checks {line!r}"
        assert_run_py_takes(arguments[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_sentence_is_one(page: Path) -> None:
    spans = re.findall(r"`(?:\w+=\S+ )?python run\.py([^`]*)`", page.read_text(encoding="utf-8"))
    for span in spans:
        if "COMMAND" not in span:
            assert_run_py_takes(shlex.split(span))


def test_the_page_on_faults_has_a_row_for_each() -> None:
    text = (CHECKOUT / "docs" / "faults.md").read_text(encoding="utf-8")
    table = text.partition("## What was found")[0]

    assert re.findall(r"^\| ([RS]\d+) \|", table, re.MULTILINE) == [fault.name for fault in campaign.FAULTS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_job_file_in_a_page_is_valid(page: Path, tmp_path: Path) -> None:
    for lines in blocks(page, "jsonl"):
        (tmp_path / "wells.jsonl").write_text(lines, encoding="utf-8")
    for text in blocks(page, "json"):
        assert list(parse_job_file(json.loads(text), page.name, tmp_path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_link_in_a_page_exists(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z][a-z-]+)[^`]*`|^make ([a-z][a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
    for link in LINK.findall(text):
        assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_file_that_contributors_are_sent_to_exists() -> None:
    pages = [CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "docs" / "design.md"]
    named = {path for page in pages for path in FILE.findall(page.read_text(encoding="utf-8"))}

    assert len(named) > 20
    assert [path for path in sorted(named) if not (CHECKOUT / path).exists()] == []


def test_the_page_on_the_image_names_targets_and_variables_of_its_makefile() -> None:
    makefile = (CHECKOUT / "worker" / "Makefile").read_text(encoding="utf-8")
    text = (CHECKOUT / "docs" / "image.md").read_text(encoding="utf-8")
    targets = re.findall(r"make -C worker ([a-z]+)", text)
    variables = re.findall(r"^\| `([A-Z0-9_]+)=", text, re.MULTILINE)

    assert targets and set(targets) <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert variables and set(variables) <= set(re.findall(r"^([A-Z0-9_]+) \?=", makefile, re.MULTILINE))


def test_no_commands_summary_is_cut_off_in_the_list_of_all() -> None:
    with commands().make_context("run.py", [], resilient_parsing=True) as context:
        _, _, summaries = context.get_help().partition("Commands:")

    assert summaries
    assert "..." not in summaries


def test_every_command_has_a_line_in_the_readme() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for name in commands().commands:
        assert f"`{name}`" in text or f"run.py {name}" in text
