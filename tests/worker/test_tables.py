"""Tables, the log and their windows hold headless what they hold with a display, row by row and file by file.

Each of tables/*.ijm (tables/common.ijm before it) writes what its macro finds into said.txt, and saves
tables. tables/expected/ has what that is with a real window: near-FIJI under Xvfb, which the thorough form
of these tests runs again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import nearfiji
from tests.nearfiji import FIJIS

HERE = Path(__file__).parent / "tables"
GROUPS = ("measure", "particles", "tables", "windows")

#: The commonest measuring script of all; headless, ImageJ itself keeps the last row alone.
MEASURE = {
    "loop.ijm": """
for (i = 1; i <= 4; i++) { newImage("i" + i, "8-bit ramp", 10 * i, 10, 1); run("Measure"); close(); }
print("rows " + nResults);
saveAs("Results", call("java.lang.System.getProperty", "user.dir") + "/rows.csv");
""",
    "loop.py": """
from ij import IJ
from ij.measure import ResultsTable
for i in range(1, 5):
    IJ.run(IJ.createImage("i%d" % i, "8-bit ramp", 10 * i, 10, 1), "Measure", "")
print("rows %d" % ResultsTable.getResultsTable().size())
IJ.saveAs("Results", "rows.csv")
""",
    "loop.groovy": """
import ij.IJ
import ij.measure.ResultsTable
(1..4).each { IJ.run(IJ.createImage("i$it", "8-bit ramp", 10 * it, 10, 1), "Measure", "") }
println "rows " + ResultsTable.getResultsTable().size()
ResultsTable.getResultsTable().save("rows.csv")
""",
    "loop.bsh": """
import ij.IJ;
import ij.measure.ResultsTable;
for (i = 1; i <= 4; i++) IJ.run(IJ.createImage("i" + i, "8-bit ramp", 10 * i, 10, 1), "Measure", "");
System.out.println("rows " + ResultsTable.getResultsTable().size());
ResultsTable.getResultsTable().save("rows.csv");
""",
}
ROWS = """ ,Area,Mean,Min,Max
1,100,114.800,0,230
2,200,121.200,0,243
3,300,123.267,0,247
4,400,124.400,0,249
"""


def check_group(fiji: str, group: str, folder: Path, *, xvfb: bool = False) -> None:
    out = folder / "out"
    out.mkdir()
    macro = (HERE / "common.ijm").read_text("utf-8") + (HERE / f"{group}.ijm").read_text("utf-8")
    ran = nearfiji.run_script(fiji, folder, f"{group}.ijm", macro, xvfb=xvfb, out=f"{out}/")
    assert ran.result.get("ok"), (ran.result, ran.out[-2000:], ran.err[-2000:])
    assert found_in(out) == found_in(HERE / "expected" / group)


def found_in(folder: Path) -> dict[str, list[str]]:
    return {path.name: path.read_text("utf-8").splitlines() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("group", GROUPS)
def test_tables_hold_headless_what_they_hold_in_windows(group: str, tmp_path: Path) -> None:
    check_group("ImageJ core", group, tmp_path)


def test_they_do_under_fijis_own_patches_too(tmp_path: Path) -> None:
    check_group("Fiji-new", "measure", tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("fiji", FIJIS)
def test_tables_are_the_same_on_every_fiji(fiji: str, group: str, xvfb: bool, tmp_path: Path) -> None:
    check_group(fiji, group, tmp_path, xvfb=xvfb)


def test_with_a_display_the_log_reaches_the_console_too(tmp_path: Path) -> None:
    macro = 'print("one"); print("two"); wait(1200); print("three"); print("\\\\Update:four");'
    ran = nearfiji.run_script("ImageJ core", tmp_path, "log.ijm", macro, xvfb=True)
    said = [line for line in ran.out.splitlines() if line in ("one", "two", "three", "four")]
    assert said in (["one", "two", "four"], ["one", "two", "three", "four"])


@pytest.mark.parametrize("script", MEASURE)
def test_measure_in_a_loop_keeps_every_row(script: str, tmp_path: Path) -> None:
    check_measure("ImageJ core", script, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("script", MEASURE)
@pytest.mark.parametrize("fiji", FIJIS)
def test_measure_keeps_every_row_in_all_languages_and_fijis(fiji: str, script: str, tmp_path: Path) -> None:
    check_measure(fiji, script, tmp_path)


def check_measure(fiji: str, script: str, folder: Path) -> None:
    ran = nearfiji.run_script(fiji, folder, script, MEASURE[script])
    assert ran.result.get("ok"), (ran.result, ran.out[-2000:], ran.err[-2000:])
    assert "rows 4" in ran.out.splitlines()
    assert (folder / "rows.csv").read_text("utf-8").split() == ROWS.split()


def test_a_fiji_whose_tables_are_not_mended_loses_no_rows_in_silence(tmp_path: Path) -> None:
    home = nearfiji.copy_of("Fiji-new", tmp_path)
    (home / "jars" / nearfiji.AGENT_JAR).unlink()
    ran = nearfiji.run_script("Fiji-new", tmp_path, "loop.ijm", MEASURE["loop.ijm"], home=home)
    assert ran.result["kind"] == "needs_display"
    assert "without a display this FIJI would lose rows" in ran.result["message"]
