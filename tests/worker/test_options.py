"""Dialogs of commands that read options, with a display and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import nearfiji

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
