"""The report passes correct results and names wrong or missing ones."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.demo.conftest import DEMO, python

HEADER = "Plate,Well,Nucleus,X_um,Y_um,Area_um2,Circularity,DAPI_mean_counts,Marker_mean_counts"
TRUTH = {"A01": (40, ""), "A02": (60, ""), "B02": (50, "out of focus"), "C05": (0, "empty")}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of four wells that agree with the ground truth beside them."""
    lines = [f"Demo1,{well},1,{count},{note}" for well, (count, note) in TRUTH.items()]
    (tmp_path / "truth.csv").write_text("\n".join(["plate,well,site,true_count,note", *lines]) + "\n")
    for well, (count, _) in TRUTH.items():
        put(tmp_path, well, count)
    return tmp_path


def put(results: Path, well: str, count: int) -> Path:
    """Write a well's table with a number of nuclei, and its overlay; return the well's folder."""
    folder = results / "Demo1" / well
    folder.mkdir(parents=True, exist_ok=True)
    marker = 100 * int(well[1:])
    lines = [f"Demo1,{well},{number + 1},1,1,160,0.9,700,{marker}" for number in range(count)]
    (folder / f"{well}_s1_nuclei.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    (folder / f"{well}_s1_overlay.png").write_bytes(b"\x89PNG")
    return folder


def report(results: Path) -> CompletedProcess[str]:
    return python(DEMO / "report.py", results, results / "truth.csv")


def line_of(well: str, output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(well))


def test_counts_that_agree_pass_and_the_sum_is_that_of_the_clean_wells(results: Path) -> None:
    done = report(results)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 clean wells: 100 nuclei found, 100 true" in done.stdout
    assert line_of("C05", done.stdout).split() == ["C05", "0", "0", "0", "empty"]
    assert "column 1      100 counts" in done.stdout
    assert "column 2      200 counts" in done.stdout


@pytest.mark.parametrize(("well", "count"), [("A01", 45), ("A02", 53), ("C05", 1), ("A01", 0)])
def test_a_count_too_far_from_the_truth_fails_and_is_named(results: Path, well: str, count: int) -> None:
    put(results, well, count)

    done = report(results)

    assert done.returncode == 1
    assert "more than 10% from the truth" in line_of(well, done.stdout)


def test_a_count_within_the_tolerance_passes(results: Path) -> None:
    put(results, "A01", 44)

    done = report(results)

    assert done.returncode == 0
    assert "+4 (+10.0%)" in line_of("A01", done.stdout)


def test_a_well_out_of_focus_is_shown_and_not_judged(results: Path) -> None:
    put(results, "B02", 20)

    done = report(results)

    assert done.returncode == 0
    assert line_of("B02", done.stdout).split() == ["B02", "20", "50", "-30", "(-60.0%)", "out", "of", "focus"]


@pytest.mark.parametrize("name", ["C05_s1_nuclei.csv", "C05_s1_overlay.png"])
def test_a_missing_result_fails_and_is_named_even_for_an_empty_well(results: Path, name: str) -> None:
    (results / "Demo1" / "C05" / name).unlink()

    done = report(results)

    assert done.returncode == 1
    assert f"missing: {name}" in line_of("C05", done.stdout)


def test_a_truth_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    done = report(tmp_path)

    assert done.returncode == 2
    assert "truth.csv" in done.stderr
    assert "Traceback" not in done.stderr
