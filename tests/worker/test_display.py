"""DISPLAY_MODE: FIJI runs headless, or under a display that is gone when the job is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import nearfiji
from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.display import find_need_of_display
from worker.fiji.display import choose_display

WINDOW = """
#@ Integer number
def frame = new java.awt.Frame("a window")
frame.setSize(50, 50)
frame.setVisible(true)
new File("output/${number}.txt").text = "shown ${frame.isShowing()}"
frame.dispose()
"""

ROIS = """
#@ Integer number
newImage("a", "8-bit ramp", 40, 40, 1);
makeRectangle(5, 5, 10, 10); roiManager("Add");
makeOval(20, 20, 8, 8); roiManager("Add");
roiManager("Deselect"); roiManager("Measure");
saveAs("Results", call("java.lang.System.getProperty", "user.dir") + "/output/" + number + ".csv");
"""

#: What Debian's xvfb-run does, but for the X server.
XVFB_RUN = """#!/bin/sh
[ "$1" = -a ] && shift
echo "$*" >> {seen}
DISPLAY=:99 exec "$@"
"""


def test_fiji_runs_under_xvfb_run_and_not_headless(run: Run, tmp_path: Path) -> None:
    seen, programs = tmp_path / "seen", tmp_path / "programs"
    programs.mkdir()
    (programs / "xvfb-run").write_text(XVFB_RUN.format(seen=seen), encoding="utf-8")
    (programs / "xvfb-run").chmod(0o755)
    jobs = [a_job(number, sleep=0.3) for number in range(3)]
    submit(run, jobs)

    worker = harness.start_worker(run, DISPLAY_MODE="xvfb", PATH=f"{programs}:{os.environ['PATH']}")
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    commands = seen.read_text(encoding="utf-8").splitlines()
    assert len(commands) >= len(jobs)
    assert all("-Djava.awt.headless=false" in line and "--headless" not in line for line in commands)


@pytest.fixture
def xvfb() -> None:
    """Skip the test where there is no Xvfb; fail it in CI."""
    nearfiji.need_xvfb()


ARRANGES = """
#@ Integer number
newImage("HyperStack", "8-bit composite-mode", 8, 8, 2, 1, 1);
Stack.setChannel(2);
run("Set...", "value=1 slice");
Stack.setChannel(1);
run("Set...", "value=2 slice");
run("Arrange Channels...", "new=21");
Stack.setChannel(1);
first = getPixel(0, 0);
Stack.setChannel(2);
File.saveString(getPixel(0, 0) + " " + first, "output/" + number + ".txt");
"""


def work_off(run: Run, script: str, text: str, jobs: int = 2, **changes: object) -> str:
    """Run jobs of a script in ImageJ core, and return the worker's log."""
    run.cloud.s3.put_object(Bucket=run.bucket, Key=f"scripts/{script}", Body=text.encode())
    submit(run, [a_job(number) for number in range(jobs)])
    address = f"s3://{run.bucket}/scripts/{script}"
    changes = {
        "FIJI_HOME": imagej_core(),
        "SCRIPT_DOWNLOAD_URL": address,
        "DISPLAY_MODE": "auto",
        **changes,
    }
    worker = harness.start_worker(run, **changes)
    harness.wait_until_settled(run, 120)
    worker.stop()
    return worker.text()


def test_a_script_may_open_a_window_on_a_real_display(run: Run, xvfb: None) -> None:
    work_off(run, "s.groovy", WINDOW, DISPLAY_MODE="xvfb")

    harness.check_done(run, [a_job(number) for number in range(2)])
    assert harness.content(run, "results/1/1.txt") == b"shown true"
    harness.check_nothing_left(run)


@pytest.mark.thorough
@pytest.mark.parametrize("fiji", nearfiji.NEAR_FIJIS)
def test_no_dialog_asks_for_the_runner_s_parameters(run: Run, xvfb: None, fiji: str) -> None:
    """SciJava asks on a display for each parameter that is not given, before the runner is alive.

    Without a standby the second job's FIJI gets its job on the command line.
    """
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.groovy", Body=WINDOW.encode())
    jobs = [a_job(number) for number in range(2)]
    submit(run, jobs)

    worker = harness.start_worker(
        run,
        FIJI_HOME=nearfiji.fiji_home(fiji),
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.groovy",
        DISPLAY_MODE="xvfb",
        STANDBY=False,
    )
    harness.wait_until_settled(run, 120)
    worker.stop()

    harness.check_done(run, jobs)


def test_a_script_that_turns_out_to_need_a_display_gets_one(run: Run, xvfb: None) -> None:
    said = work_off(run, "s.groovy", WINDOW)

    harness.check_done(run, [a_job(number) for number in range(2)])
    assert harness.content(run, "results/1/1.txt") == b"shown true"
    # Found out once; the second job does not run headless first.
    assert said.count("from now on FIJI runs with a virtual one") == 1
    harness.check_nothing_left(run)


def test_a_plugin_that_takes_its_dialog_apart_gets_a_display(run: Run, xvfb: None) -> None:
    said = work_off(run, "arrange.ijm", ARRANGES, jobs=1)

    harness.check_done(run, [a_job(0)])
    assert harness.content(run, "results/0/0.txt").split() == [b"2", b"1"]
    assert said.count("from now on FIJI runs with a virtual one") == 1


#: Headless, ImageJ prints what the command throws, and the script goes on to a null. Its text names none.
GOES_ON = """
#@ Integer number
import ij.IJ
def imp = IJ.createImage("a", "8-bit ramp", 40, 40, 1)
imp.setOverlay(new ij.gui.Roi(1, 1, 9, 9), null, 1, null)
IJ.run(imp, ["To", "ROI", "Manager"].join(" "), "")
def manager = ij.WindowManager.getFrame(["ROI", "Manager"].join(" "))
new File("output/${number}.txt").text = "rois ${manager.count}"
"""


def test_a_script_that_fails_after_its_window_did_not_come_gets_a_display(run: Run, xvfb: None) -> None:
    said = work_off(run, "s.groovy", GOES_ON)

    harness.check_done(run, [a_job(number) for number in range(2)])
    assert harness.content(run, "results/1/1.txt") == b"rois 1"
    assert said.count("from now on FIJI runs with a virtual one") == 1


def test_a_script_that_works_with_the_roi_manager_gets_a_display_at_once(run: Run, xvfb: None) -> None:
    said = work_off(run, "rois.ijm", ROIS, jobs=1)

    harness.check_done(run, [a_job(0)])
    rows = harness.content(run, "results/0/0.csv").decode().split()
    assert [row.split(",")[:2] for row in rows[1:]] == [["1", "100"], ["2", "52"]]
    assert "the script uses the ROI Manager: FIJI runs with a virtual display" in said


@pytest.mark.thorough
@pytest.mark.parametrize("fiji", nearfiji.NEAR_FIJIS)
def test_a_script_of_the_roi_manager_runs_on_every_fiji(run: Run, xvfb: None, fiji: str) -> None:
    work_off(run, "rois.ijm", ROIS, FIJI_HOME=nearfiji.fiji_home(fiji))

    harness.check_done(run, [a_job(number) for number in range(2)])
    assert len(harness.content(run, "results/1/1.csv").decode().split()) == 3


def test_headless_is_headless(run: Run) -> None:
    said = work_off(run, "s.groovy", WINDOW, jobs=1, DISPLAY_MODE="headless")

    assert "needs a display" in said and "DISPLAY_MODE = 'xvfb'" in said
    assert "virtual one" not in said


NEEDING = {
    'roiManager("Add");': "the ROI Manager",
    "rm = RoiManager.getInstance()": "the ROI Manager",
    'run("Analyze Particles...", "size=10-Infinity display add");': "the ROI Manager",
    'run("Bio-Formats Importer", "open=x");': "the Bio-Formats Importer",
    'run("Bio-Formats Windowless Importer", "open=x");': "the Bio-Formats Importer",
    "TextWindow('a', 'b', 1, 1)": "a window",
    'IJ.run(imp, "Histogram", "")': "a histogram",
}
NOT_NEEDING = (
    'run("Analyze Particles...", "display clear summarize");',
    'selectWindow("Results"); saveAs("Results", "r.csv");',
    'Table.create("T"); getInfo("log");',
    'run("Add...", "value=1");',
    "getHistogram(values, counts, 256);",
)


def test_auto_is_headless_until_something_needs_a_display() -> None:
    for script, name in NEEDING.items():
        assert find_need_of_display(script) == name
        assert choose_display("auto", script, has_xvfb=True).is_on
        assert not choose_display("auto", script, has_xvfb=False).is_on
        assert not choose_display("headless", script, has_xvfb=True).is_on
    for script in NOT_NEEDING:
        assert find_need_of_display(script) is None
        assert not choose_display("auto", script, has_xvfb=True).is_on
        assert choose_display("xvfb", script, has_xvfb=False).is_on


def test_a_display_is_wanted_only_after_a_run_that_lacked_one() -> None:
    display = choose_display("auto", "", has_xvfb=True)
    lacking = {"ok": False, "kind": "needs_display"}
    swallowed = {"ok": False, "kind": "script_error", "message": "m", "trace": "java.awt.HeadlessException"}

    assert [display.is_wanted_after(result) for result in (lacking, swallowed)] == [True, True]
    assert not display.is_wanted_after({"ok": True})
    assert not display.is_wanted_after({"ok": False, "kind": "script_error", "message": "no"})
    # A plugin that found no field in its dialog; a script's own null is no such thing.
    null = 'java.lang.NullPointerException: because "v" is null'
    assert display.is_wanted_after({"ok": False, "kind": "plugin_error", "message": f"it threw {null}"})
    assert not display.is_wanted_after({"ok": False, "kind": "script_error", "message": null})
    went_on = {"ok": False, "kind": "macro_error", "warnings": [{"text": f'"Blur..." threw {null}'}]}
    assert display.is_wanted_after(went_on)
    assert not display.is_wanted_after(None)
    # A dialog would wait under a display; headless it fails at once.
    assert not choose_display(
        "auto", "JOptionPane.showMessageDialog(null, '?')", has_xvfb=True
    ).is_wanted_after(lacking)
    assert not choose_display("auto", "", has_xvfb=False).is_wanted_after(lacking)
    assert not choose_display("headless", "", has_xvfb=True).is_wanted_after(lacking)
