"""The same image is in front, and the same images are there, headless and with a display.

fronts/macros.ijm and fronts/scripts.groovy do about 190 things with images, and print which one is in front
afterwards, the titles of all in their order, and what was thrown. fronts/expected/ has what they print on
ImageJ core under Xvfb.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nearfiji import FIJIS, check_told

HERE = Path(__file__).parent / "fronts"
SCRIPTS = ("macros.ijm", "scripts.groovy")
DISPLAYS = pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])


@DISPLAYS
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_image_in_front_is_the_same_with_and_without_a_display(
    script: str, xvfb: bool, tmp_path: Path
) -> None:
    check_told("ImageJ core", HERE / script, tmp_path, xvfb=xvfb)


@DISPLAYS
def test_it_is_on_fiji_whose_windows_come_late(xvfb: bool, tmp_path: Path) -> None:
    check_told("Fiji-new", HERE / "scripts.groovy", tmp_path, xvfb=xvfb)


@pytest.mark.thorough
@DISPLAYS
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("fiji", FIJIS)
def test_it_is_on_every_fiji(fiji: str, script: str, xvfb: bool, tmp_path: Path) -> None:
    check_told(fiji, HERE / script, tmp_path, xvfb=xvfb)
