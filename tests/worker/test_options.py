"""Options of a command mean headless what they mean to ImageJ's own dialog, by field and by image.

options/dialogs.groovy reads dialogs with all kinds of fields; options/commands.ijm runs ImageJ's commands.
options/expected/ has what they print with a real dialog: ImageJ core under Xvfb, which the thorough form of
these tests runs again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import nearfiji
from tests.nearfiji import FIJIS

HERE = Path(__file__).parent / "options"
SCRIPTS = {"dialogs": "dialogs.groovy", "commands": "commands.ijm"}


def check(fiji: str, name: str, folder: Path, *, xvfb: bool = False) -> None:
    nearfiji.check_told(fiji, HERE / SCRIPTS[name], folder, xvfb=xvfb)


@pytest.mark.parametrize("name", SCRIPTS)
def test_options_mean_headless_what_they_mean_to_a_dialog(name: str, tmp_path: Path) -> None:
    check("ImageJ core", name, tmp_path)


def test_they_do_under_fijis_own_patches_too(tmp_path: Path) -> None:
    check("Fiji-new", "dialogs", tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("fiji", FIJIS)
def test_options_mean_the_same_on_every_fiji(fiji: str, name: str, xvfb: bool, tmp_path: Path) -> None:
    check(fiji, name, tmp_path, xvfb=xvfb)


FILTER = """
import ij.*
import ij.plugin.filter.*
class Bad implements ExtendedPlugInFilter {
    int setup(String argument, ImagePlus image) { return PlugInFilter.DOES_ALL }
    void setNPasses(int passes) {}
    int showDialog(ImagePlus image, String command, PlugInFilterRunner runner) {
        throw new IllegalStateException("no such field")
    }
    void run(ij.process.ImageProcessor pixels) { pixels.invert() }
}
IJ.createImage("a", "8-bit ramp", 8, 8, 1).show()
new PlugInFilterRunner(new Bad(), "Bad...", "")
println "went on"
"""


@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
def test_a_filter_whose_dialog_throws_does_not_run(xvfb: bool, tmp_path: Path) -> None:
    """ImageJ itself catches it, and runs the filter with whatever its dialog had read until then."""
    ran = nearfiji.run_script("ImageJ core", tmp_path, "filter.groovy", FILTER, xvfb=xvfb)
    assert (ran.result.get("kind"), "went on" in ran.out) == ("script_error", False), ran
    assert "no such field" in ran.result["message"]


def test_a_command_that_a_dialog_without_windows_cannot_serve_fails_by_name(tmp_path: Path) -> None:
    """It reaches for its dialog's boxes, which are not there; with `auto` it gets a display."""
    text = 'newImage("a", "8-bit ramp", 64, 64, 1);\nrun("Calibration Bar...", "location=[Upper Right]");'
    ran = nearfiji.run_script("ImageJ core", tmp_path, "bar.ijm", text)
    assert (ran.result.get("kind"), ran.result.get("line")) == ("plugin_error", 2), ran
    assert '"Calibration Bar..." threw java.lang.NullPointerException' in ran.result["message"]
