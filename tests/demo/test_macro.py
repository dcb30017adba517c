"""The demo's macro, run by ImageJ itself on clean wells, an empty one and an out-of-focus one."""

from __future__ import annotations

import csv
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.demo.conftest import DEMO, make_plate, python
from worker.imagej.install import install

WELLS = ("A01", "B02", "C05", "D06")
PIXEL_UM = 0.65


def segment(images: Path, results: Path, well: str) -> subprocess.CompletedProcess[str]:
    """Run the macro on one well as the worker does, in a separate folder."""
    folder = results / "Demo1" / well
    folder.mkdir(parents=True)
    values = {"Plate": "Demo1", "Well": well, "input_dir": images, "output_dir": folder}
    parameters = ", ".join(f'{name}="{value}"' for name, value in values.items())
    launcher = install() / "ImageJ-linux64"
    command = [launcher, "-Xmx700m", "--headless", "--run", DEMO / "segment_nuclei.ijm", parameters]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_plate(tmp_path_factory.mktemp("plate") / "Demo1", "--wells", ",".join(WELLS))


@pytest.fixture(scope="module")
def results(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The macro's results for all wells, two at a time."""
    folder = tmp_path_factory.mktemp("results")
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda well: segment(images, folder, well), WELLS):
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


def nuclei(results: Path, well: str, site: int) -> list[dict[str, str]]:
    path = results / "Demo1" / well / f"{well}_s{site}_nuclei.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def test_the_report_finds_the_counts_close_to_the_truth(images: Path, results: Path) -> None:
    done = python(DEMO / "report.py", results, images / "truth.csv")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 clean wells" in done.stdout


@pytest.mark.parametrize("well", ["A01", "D06"])
def test_clean_wells_are_within_5_percent_of_the_truth(images: Path, results: Path, well: str) -> None:
    with (images / "truth.csv").open(newline="", encoding="utf-8") as file:
        true = sum(int(row["true_count"]) for row in csv.DictReader(file) if row["well"] == well)
    found = sum(len(nuclei(results, well, site)) for site in (1, 2))

    assert true > 50
    assert abs(found - true) <= 0.05 * true


def test_the_empty_well_has_tables_with_a_header_alone_and_overlays(results: Path) -> None:
    for site in (1, 2):
        table = results / "Demo1" / "C05" / f"C05_s{site}_nuclei.csv"
        assert table.read_text(encoding="utf-8").splitlines() == [
            "Plate,Well,Nucleus,X_um,Y_um,Area_um2,Circularity,DAPI_mean_counts,Marker_mean_counts"
        ]


@pytest.mark.parametrize("well", WELLS)
def test_every_well_has_four_files_and_its_overlays_are_png_images(results: Path, well: str) -> None:
    folder = results / "Demo1" / well
    stems = [f"{well}_s{site}_{kind}" for site in (1, 2) for kind in ("nuclei.csv", "overlay.png")]

    assert sorted(path.name for path in folder.iterdir()) == sorted(stems)
    for overlay in folder.glob("*.png"):
        header = overlay.read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert (int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")) == (512, 512)


@pytest.mark.parametrize(("channel", "name"), [(0, "DAPI_mean_counts"), (1, "Marker_mean_counts")])
def test_measured_intensities_are_those_of_the_image_at_the_nucleus(
    images: Path, results: Path, channel: int, name: str
) -> None:
    image = tifffile.imread(images / "D06_s1.tif")[channel].astype(float)
    rows = nuclei(results, "D06", 1)
    places = np.rint(np.stack([column(rows, "Y_um"), column(rows, "X_um")]) / PIXEL_UM).astype(int)
    centers = np.array([image[y - 5 : y + 6, x - 5 : x + 6].mean() for y, x in places.T])

    assert np.corrcoef(centers, column(rows, name))[0, 1] > 0.9


def test_the_marker_rises_with_the_dose(results: Path) -> None:
    low, high = (column(nuclei(results, well, 1), "Marker_mean_counts").mean() for well in ("A01", "D06"))

    assert high > 2 * low


def test_a_well_without_images_ends_with_an_error_that_names_it(images: Path, tmp_path: Path) -> None:
    done = segment(images, tmp_path, "B01")

    assert done.returncode != 0
    assert "There is no image of well B01" in done.stdout + done.stderr
