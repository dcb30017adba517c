"""`python -m worker.fiji.check`: a table of what a FIJI does for the worker, and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import nearfiji
from tests.plugins import copy_of
from worker.imagej.bioformats import add_bioformats

CHECKOUT = Path(__file__).parents[2]
ROW = re.compile(r"(held|FAILED|left out) +(\S.*?)(?: {2,}(.*))?$")


def check(home: Path, **environment: str) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Run the check; return its exit code, the table's rows by their names, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "worker.fiji.check", str(home)],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    found = [match for line in done.stdout.splitlines() if (match := ROW.match(line))]
    return done.returncode, {match[2]: (match[1], match[3] or "") for match in found}, done.stdout


def test_imagej_core_holds_in_all_it_can(tmp_path: Path) -> None:
    code, rows, said = check(nearfiji.fiji_home("ImageJ core"))

    failed = {name for name, (state, _) in rows.items() if state == "FAILED"}
    assert (code, failed) == (0, set()), said
    left_out = {name for name, (state, _) in rows.items() if state == "left out"}
    assert left_out - {"ROI Manager, display"} == {"Bio-Formats"}
    assert rows["heap and headless"][1].startswith("600 MB given")


@pytest.mark.thorough
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_every_fiji_holds_with_bioformats_and_stays_as_it_is(fiji: str, tmp_path: Path) -> None:
    home = copy_of(nearfiji.fiji_home(fiji), tmp_path / "fiji")
    add_bioformats(home)

    code, rows, said = check(home)

    failed = {name: words for name, (state, words) in rows.items() if state == "FAILED"}
    assert (code, failed) == (0, {}), said
    assert rows["Bio-Formats"][0] == rows["FIJI's folder is as it was"][0] == "held"


def test_a_fiji_that_does_not_start_says_its_first_error(tmp_path: Path) -> None:
    home = copy_of(nearfiji.fiji_home("ImageJ core"), tmp_path / "fiji")
    launcher = home / "ImageJ-linux64"
    text = launcher.read_text(encoding="utf-8")
    launcher.unlink()
    launcher.write_text(text.replace("exec ", "exec /nowhere/"), encoding="utf-8")
    launcher.chmod(0o755)

    code, rows, _ = check(home)

    assert (code, list(rows)) == (1, ["starts"])
    assert rows["starts"][0] == "FAILED"
    assert "/nowhere/" in rows["starts"][1]


def test_a_folder_that_is_no_fiji_is_named(tmp_path: Path) -> None:
    code, rows, said = check(tmp_path)

    assert (code, rows) == (2, {})
    assert f"{tmp_path} is not a FIJI" in said
