"""What `make test` leaves out is named by tests that exist, and files can be run in any order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiers import LONGEST_FIRST, SLOW, Slow, is_slow, order

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("row", SLOW, ids=lambda row: f"{Path(row.file).stem} {row.name}"[:60])
def test_a_row_names_a_test_that_exists_and_what_is_left_of_it(row: Slow) -> None:
    text = (CHECKOUT / row.file).read_text(encoding="utf-8")

    assert f"def {row.name or 'test_'}" in text
    assert row.instead


def test_each_part_of_a_case_s_name_is_in_one() -> None:
    """A part that no case has makes nothing slow, and excepts nothing."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider"]
    said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    names = [line for line in said.splitlines() if "::" in line]
    assert len(names) > 1000

    stale = [
        (row.file, row.name, part)
        for row in SLOW
        for part in (*row.only, *row.but)
        if not any(name.startswith(f"{row.file}::{row.name}") and part in name for name in names)
    ]

    assert stale == []


def test_of_a_table_some_cases_are_slow() -> None:
    laws = "tests/unit/test_lawfit.py::test_the_stated_range_holds_the_truth_as_often_as_it_says"
    ends = "tests/worker/test_script_endings.py::test_a_script_ends_as_its_table_says"

    names = ("constant", "linear", "power", "bimodal")
    assert [name for name in names if is_slow(f"{laws}[{name}]")] == ["constant", "power"]
    assert is_slow(f"{ends}[missing-plugin.py]")
    assert not is_slow(f"{ends}[missing-plugin.ijm]")
    assert not is_slow("tests/worker/test_script_endings.py::test_another")


def test_the_longest_files_come_first_and_a_seed_shuffles_all() -> None:
    files = ["tests/unit/test_jobs.py", "tests/cli/test_usage.py", "tests/faults/test_short.py"]

    assert order(files) == [files[2], files[1], files[0]]
    assert order(files, "7") == order(reversed(files), "7")
    assert {tuple(order(files, str(seed))) for seed in range(50)} > {tuple(order(files))}


def test_the_longest_files_exist() -> None:
    assert [name for name in LONGEST_FIRST if not (CHECKOUT / name).exists()] == []
