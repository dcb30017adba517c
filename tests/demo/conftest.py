"""Run the demo's programs as a user does, and make plates of a few wells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "files" / "demo"


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a Python program from the checkout; return its exit code and output."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


def make_plate(folder: Path, *options: str) -> Path:
    """Make a plate in a folder and return the folder."""
    made = python(DEMO / "make_plate.py", folder, *options)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def three_wells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a plate with a clean well, an out-of-focus one and an empty one."""
    return make_plate(tmp_path_factory.mktemp("plate") / "Demo1", "--wells", "A04,B02,C05")
