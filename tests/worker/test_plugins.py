"""Plugins in ImageJ core's folders `plugins` and `jars`: their commands, and their classes for scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.imagej import imagej_core, run_script
from tests.plugins import copy_of, plugins_jar, with_test_plugins


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_test_plugins(imagej_core(), tmp_path_factory.mktemp("plugins") / "core")


def test_commands_of_a_plugin_run(home: Path, tmp_path: Path) -> None:
    ran = run_script(tmp_path, "s.ijm", 'run("Print Lines"); run("Ask Number", "number=9");', home=home)

    assert ran.result["ok"] is True, ran
    assert ran.out.splitlines() == ["a line in the log", "a line on standard output", "the number is 9"]
    assert "a line on standard error" in ran.err


def test_a_plugin_can_end_java(home: Path, tmp_path: Path) -> None:
    ran = run_script(tmp_path, "s.ijm", 'run("Exit Java", "code=5");', home=home)

    # FIJI ends with 1 when a plugin has ended it: the exit code of a job is the script's own alone.
    assert ran.code == 1
    assert ran.result["ok"] is False
    assert "ended FIJI" in ran.result["message"]


@pytest.mark.parametrize("folder", ["jars", "plugins", "plugins/Group"])
def test_classes_of_an_added_jar_are_there_for_scripts(tmp_path: Path, folder: str) -> None:
    home = copy_of(imagej_core(), tmp_path / "core")
    (home / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(plugins_jar(), home / folder)

    ran = run_script(tmp_path, "s.py", "import Printing_Plugin\nPrinting_Plugin().run('')", home=home)

    assert ran.result["ok"] is True, ran
    assert "a line on standard output" in ran.out


def test_a_plugins_own_dialog_is_answered_by_the_job(home: Path, tmp_path: Path) -> None:
    ran = run_script(tmp_path, "s.ijm", 'run("Ask Number");', home=home, number=9)

    assert ran.result["ok"] is True, ran
    assert "the number is 9" in ran.out.splitlines()
    (question,) = ran.result["questions"]
    assert (question["dialog"], question["default"], question["by"]) == ("A number", 7, "metadata")
