"""The demo's plate: the same seed gives the same images, and the ground truth is beside them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import tifffile

from tests.demo.conftest import DEMO, make_plate, python


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def truth_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_bytes(three_wells: Path, tmp_path: Path) -> None:
    again = make_plate(tmp_path / "Demo1", "--wells", "A04,B02,C05")

    assert contents(again) == contents(three_wells)


def test_another_seed_gives_other_images(three_wells: Path, tmp_path: Path) -> None:
    other = make_plate(tmp_path / "Demo1", "--wells", "A04", "--seed", "2")

    assert (other / "A04_s1.tif").read_bytes() != (three_wells / "A04_s1.tif").read_bytes()


def test_a_well_looks_the_same_whatever_other_wells_are_made(three_wells: Path, tmp_path: Path) -> None:
    alone = make_plate(tmp_path / "Demo1", "--wells", "B02")

    assert (alone / "B02_s2.tif").read_bytes() == (three_wells / "B02_s2.tif").read_bytes()


def test_every_image_is_a_two_channel_16_bit_stack_with_a_line_of_truth(three_wells: Path) -> None:
    truth = truth_of(three_wells)

    assert [f"{row['well']}_s{row['site']}.tif" for row in truth] == sorted(
        path.name for path in three_wells.glob("*.tif")
    )
    for path in three_wells.glob("*.tif"):
        with tifffile.TiffFile(path) as file:
            image, metadata = file.asarray(), file.imagej_metadata
        assert (image.shape, image.dtype) == ((2, 512, 512), np.uint16)
        assert metadata is not None
        assert (metadata["channels"], metadata["unit"]) == (2, "um")


def test_the_truth_names_what_is_special_and_the_empty_well_has_no_nucleus(three_wells: Path) -> None:
    notes = {row["well"]: row["note"] for row in truth_of(three_wells)}
    empty = [int(row["true_count"]) for row in truth_of(three_wells) if row["note"] == "empty"]

    assert notes == {"A04": "", "B02": "out of focus", "C05": "empty"}
    assert empty == [0, 0]
    light = {well: tifffile.imread(three_wells / f"{well}_s1.tif")[0].mean() for well in notes}
    assert light["C05"] < light["A04"]


def test_a_well_that_the_plate_lacks_is_refused(tmp_path: Path) -> None:
    refused = python(DEMO / "make_plate.py", tmp_path / "Demo1", "--wells", "A04,H12")

    assert refused.returncode == 2
    assert "no such well: H12" in refused.stderr
    assert not (tmp_path / "Demo1").exists()
