"""Scripts on near-FIJI, FIJI's real launchers over the real imagej-legacy, as they run on ImageJ core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import nearfiji

#: What a value must survive: what launchers, shells and parsers take for their own.
HOSTILE = ' ${app-dir} $HOME "quoted" \\back, k="v" \'x\' --headless ümlaut µ\n'

ECHO = """
#@ String text
#@ Double number
newImage("made", "8-bit", 40, 40, 1);
run("Gaussian Blur...", "sigma=2");
File.saveString(text + "|" + number, "echo.txt");
"""


@pytest.mark.parametrize(
    "fiji", ["ImageJ core", *(pytest.param(name, marks=pytest.mark.thorough) for name in nearfiji.NEAR_FIJIS)]
)
def test_folders_may_have_blanks_in_their_names(fiji: str, tmp_path: Path) -> None:
    folder = tmp_path / "my own  project"
    folder.mkdir()

    ran = nearfiji.run_script(fiji, folder, "echo.ijm", ECHO, text="a b", number=1.5)

    assert ran.result.get("ok") is True, (ran.result, ran.err)
    assert (folder / "echo.txt").read_text(encoding="utf-8") == "a b|1.5"


@pytest.mark.thorough
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_a_macro_gets_its_values_as_they_are_and_ends(fiji: str, tmp_path: Path) -> None:
    ran = nearfiji.run_script(fiji, tmp_path, "echo.ijm", ECHO, text=HOSTILE, number=1.5)

    assert ran.result.get("ok") is True, (ran.result, ran.err)
    assert (tmp_path / "echo.txt").read_text(encoding="utf-8") == f"{HOSTILE}|1.5"


def test_beanshell_names_the_line_that_its_engine_knows(tmp_path: Path) -> None:
    """The exception's own trace knows nothing of the script: the engine tells the line around it."""
    text = 'print("begun");\na = 1;\nthrow new IllegalStateException("broken");\n'

    ran = nearfiji.run_script("Fiji.app", tmp_path, "s.bsh", text)

    assert (ran.result["ok"], ran.result["line"]) == (False, 3)
    assert ran.result["message"] == "java.lang.IllegalStateException: broken"
