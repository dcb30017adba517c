"""The documentation says what is there: every setting, every command, every link."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import run
from distributed_fiji.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGES.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
COMMAND = re.compile(r"python run\.py ((?:--local |--runtime \w+ )*)(local )?([A-Za-z]+)")
TARGET = re.compile(r"`?make ([a-z][a-z-]+)`?")
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_link_in_a_page_exists(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z][a-z-]+)[^`]*`|^make ([a-z][a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
    for link in LINK.findall(text):
        assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_command_has_a_line_in_the_readme() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for name in commands().commands:
        assert f"`{name}`" in text or f"run.py {name}" in text
