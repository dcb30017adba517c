"""What scripts leave to a person or to Windows: the image in front, folders, slashes, tables, the end.

Real ImageJ, each job as the worker runs it (tests/corpus); what is saved is compared with numpy's numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.cases import A, B, Case
from tests.corpus.expected import measured
from tests.corpus.test_corpus import check_files, run
from worker.contract.images import wants_all_images, wants_image_in_front
from worker.contract.jobs import FailureClass, Outcome
from worker.fiji.habits import find_habits
from worker.host.folders import RunFolder
from worker.verdict.verdict import Verdict

ROWS_OF_A = measured(A)

FRONT_MACRO = """
title = getTitle();
run("Measure");
saveAs("Results", getDirectory("image") + File.nameWithoutExtension + ".csv");
if (title != "a.tif") exit("it is " + title);
"""
FRONT_JYTHON = """
from ij import IJ, WindowManager
from ij.measure import ResultsTable
imp = IJ.getImage()
assert WindowManager.getImageCount() == 1, WindowManager.getImageCount()
IJ.run(imp, "Measure", "")
ResultsTable.getResultsTable().save(IJ.getDirectory("image") + "a.csv")
"""
FRONT_GROOVY = """
import ij.IJ
import ij.measure.ResultsTable
IJ.run(IJ.image, "Measure", "")
ResultsTable.resultsTable.save("input/a.csv")
"""
FOLDERS = """
#@ File (label="Input directory", style="directory") in_folder
#@ File (label="Where to save", style="directory") outDir
list = getFileList(in_folder);
open(in_folder + File.separator + list[0]);
run("Measure");
saveAs("Results", outDir + File.separator + "a.csv");
"""
FOLDER_TEXTS = """
#@ String input
#@ String output
open(input + "/a.tif");
run("Measure");
saveAs("Results", output + "/a.csv");
"""
FILE_AND_FOLDER = """
#@ File (label="Input image") image
#@ File (label="Destination", style="directory") target
from ij import IJ
from ij.measure import ResultsTable
import os
assert os.path.isabs(str(target)), target
IJ.run(IJ.openImage(image.getPath()), "Measure", "")
ResultsTable.getResultsTable().save(os.path.join(str(target), "a.csv"))
"""
SLASHES_MACRO = r"""
dir = getDirectory("Choose the images");
out = dir + "tables" + "\\";
File.makeDirectory(out);
list = getFileList(dir + "\\");
open(dir + "\\" + list[0]);
selectWindow("a.tif");
run("Measure");
saveAs("Results", out + "a.csv");
if (!File.exists(dir + "tables\\a.csv")) exit("it is elsewhere");
"""
SLASHES_JYTHON = r"""
import os
from ij import IJ
from ij.measure import ResultsTable
if not os.path.isdir("input\\tables"):
    os.mkdir("input\\tables")
IJ.run(IJ.openImage(os.path.abspath("input") + "\\a.tif"), "Measure", "")
ResultsTable.getResultsTable().save("input\\tables" + "\\" + "a.csv")
"""
HOME = """
open("input/a.tif");
run("Measure");
run("Collect Garbage");
saveAs("Results", getDirectory("home") + "Desktop" + File.separator + "a.csv");
"""
QUITS = """
open("input/a.tif");
run("Measure");
saveAs("Results", "output/a.csv");
eval("script", "System.exit(0);");
saveAs("Results", "output/never.csv");
"""
NAMES = """
dir = getDirectory("Choose a Directory");
list = getFileList(dir);
for (i = 0; i < list.length; i++) open(list[i]);
run("Measure");
saveAs("Results", "output/a.csv");
"""
LEFT_OPEN = """
open("input/a.tif");
run("Measure");
Table.create("Counts");
Table.set("n", 0, 3);
Table.update;
"""
RUNS = {
    "front.ijm": (FRONT_MACRO, {"input/a.csv": ROWS_OF_A}),
    "front.py": (FRONT_JYTHON, {"input/a.csv": ROWS_OF_A}),
    "front.groovy": (FRONT_GROOVY, {"input/a.csv": ROWS_OF_A}),
    "folders.ijm": (FOLDERS, {"output/a.csv": ROWS_OF_A}),
    "texts.ijm": (FOLDER_TEXTS, {"output/a.csv": ROWS_OF_A}),
    "file.py": (FILE_AND_FOLDER, {"output/a.csv": ROWS_OF_A}),
    "slashes.ijm": (SLASHES_MACRO, {"input/tables/a.csv": ROWS_OF_A}),
    "slashes.py": (SLASHES_JYTHON, {"input/tables/a.csv": ROWS_OF_A}),
    "home.ijm": (HOME, {"home/Desktop/a.csv": ROWS_OF_A}),
    "quits.ijm": (QUITS, {"output/a.csv": ROWS_OF_A}),
    "names.ijm": (NAMES, {"output/a.csv": ROWS_OF_A}),
    "open.ijm": (
        LEFT_OPEN,
        {"open_tables/Results.csv": ROWS_OF_A, "open_tables/Counts.csv": {"n": [3.0]}},
    ),
}


def run_it(folder: Path, case: Case, text: str, fiji: str = "ImageJ core", **how: bool) -> Verdict:
    return run(fiji, case, text, folder / "run", xvfb=how.get("xvfb", False))


def result_of(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(RunFolder(folder / "run").result_file.read_text("utf-8"))
    return result


@pytest.mark.parametrize("script", RUNS)
def test_it_runs_as_people_wrote_it(script: str, tmp_path: Path) -> None:
    check(script, tmp_path, "ImageJ core", xvfb=False)


@pytest.mark.thorough
@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize("script", RUNS)
def test_it_runs_on_fijis_own_launcher_and_with_a_display(script: str, xvfb: bool, tmp_path: Path) -> None:
    check(script, tmp_path, "Fiji-new", xvfb=xvfb)


def check(script: str, folder: Path, fiji: str, *, xvfb: bool) -> None:
    text, files = RUNS[script]
    case = Case(script, files, inputs=("a",))
    verdict = run_it(folder, case, text, fiji, xvfb=xvfb)
    assert verdict.outcome is Outcome.DONE, verdict
    ran = RunFolder(folder / "run")
    check_files(case, ran.collected if script.startswith("home") else ran.work)
    # With a display the macro was seen to go on behind eval("script", "System.exit(0)").
    assert xvfb or not (ran.output / "never.csv").exists()


def test_of_several_images_the_job_says_which_a_person_would_open(tmp_path: Path) -> None:
    text = 'run("Measure"); saveAs("Results", "output/" + getTitle() + ".csv");'
    failed = run_it(tmp_path / "without", Case("front.ijm", {"output/b.csv": measured(B)}), text)
    assert failed.failure is FailureClass.MACRO_ERROR
    assert "There are no images open" in failed.sentence
    assert '"answers": {"open_image": "input/a.tif"}' in failed.sentence, failed
    case = Case(
        "front.ijm", {"output/b.tif.csv": measured(B)}, answers={"open_image": ["input/a.tif", "input/b.tif"]}
    )
    assert run_it(tmp_path / "with", case, text).outcome is Outcome.DONE
    check_files(case, RunFolder(tmp_path / "with" / "run").work)
    asked = [one for one in result_of(tmp_path / "with")["questions"] if one["name"] == "open_image"]
    assert [(one["answer"], one["by"]) for one in asked] == [
        ("input/a.tif", "answers"),
        ("input/b.tif", "answers"),
    ]


NOTHING_OPEN = """
function process(id) {
    selectImage(id);
    run("Invert");
    saveAs("Tiff", "output/" + getTitle());
}
for (i = 1; i <= nImages; i++) process(i);
File.saveString("done", "output/log.txt");
"""


def test_a_loop_over_images_of_which_none_was_open_is_not_done(tmp_path: Path) -> None:
    """Its function comes first, so that its text does not show that it wants all of them."""
    failed = run_it(tmp_path / "without", Case("loop.ijm", {"output/log.txt": []}), NOTHING_OPEN)
    assert (failed.outcome, failed.failure) == (Outcome.FAILED, FailureClass.SCRIPT_ERROR)
    assert "there was no image open" in failed.sentence, failed
    assert '"answers": {"open_image": "input/a.tif"}' in failed.sentence, failed
    case = Case("loop.ijm", {"output/a.tif": [], "output/c.tif": []}, answers={"open_image": "input"})
    assert run_it(tmp_path / "with", case, NOTHING_OPEN).outcome is Outcome.DONE
    check_files(case, RunFolder(tmp_path / "with" / "run").work)


def test_a_loop_that_waits_for_another_answer_ends(tmp_path: Path) -> None:
    text = 'n = 0;\nwhile (getBoolean("Another one?")) n++;\nFile.saveString("" + n, "output/n.txt");'
    case = Case("loop.ijm", {"output/n.txt": ["2"]}, answers={"Another one?": True})
    failed = run_it(tmp_path / "without", case, text)
    assert (failed.failure, failed.line) == (FailureClass.NEEDS_ANSWER, 2), failed
    assert "was asked 1000 times" in failed.sentence and '"Another one?": [true, false]' in failed.sentence
    case = Case("loop.ijm", {"output/n.txt": ["2"]}, answers={"Another one?": [True, True, False]})
    assert run_it(tmp_path / "with", case, text).outcome is Outcome.DONE
    check_files(case, RunFolder(tmp_path / "with" / "run").work)


def test_the_last_line_that_a_script_printed_is_its_own(tmp_path: Path) -> None:
    text = 'print("looking");\ndir = getDirectory("Choose the images");'
    verdict = run_it(tmp_path, Case("looks.ijm", {"output/a.csv": ROWS_OF_A}), text)
    assert verdict.failure is FailureClass.OUTPUTS_MISSING
    assert "The last line printed: 'looking'" in verdict.sentence, verdict


def test_what_a_person_would_have_drawn_is_named(tmp_path: Path) -> None:
    text = 'open("input/a.tif"); getSelectionCoordinates(x, y); saveAs("Tiff", "output/a.tif");'
    verdict = run_it(tmp_path, Case("draws.ijm", {"output/a.tif": []}), text)
    assert verdict.outcome is Outcome.FAILED and "Selection required" in verdict.sentence, verdict
    assert "ROI file" in verdict.sentence, verdict


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    case = Case("front.ijm", {}, answers={"open_image": "input/none.tif"})
    verdict = run_it(tmp_path, case, FRONT_MACRO)
    assert verdict.outcome is Outcome.FAILED
    assert "open_image" in verdict.sentence and "input/none.tif" in verdict.sentence, verdict


@pytest.mark.parametrize(
    ("words", "files", "says"),
    [
        ("Finished", ["a"], None),
        ("Done! All results were saved.", ["a"], None),
        ("Saved new image", ["a"], None),
        ("Finished", [], "left 0"),
        ("No images found", ["a"], "No images found"),
        ("Finished with errors", ["a"], "Finished with errors"),
        ("Only 2 images were processed", ["a"], "Only 2 images"),
        ("Processed 12 images. The results are saved in /data/out/table.csv", ["a"], None),
        ("Processing was completed unexpectedly", ["a"], "unexpectedly"),
        ("Done with 3 of 10 images", ["a"], "3 of 10"),
        ("Done (3/10)", ["a"], "3/10"),
    ],
)
def test_a_macro_that_ends_itself_is_done_when_its_words_and_its_files_say_it(
    words: str, files: list[str], says: str | None, tmp_path: Path
) -> None:
    saves = "".join(f'open("input/{one}.tif"); saveAs("Tiff", "output/{one}.tif");' for one in files)
    verdict = run_it(
        tmp_path, Case("ends.ijm", {"output/a.tif": []}), f'{saves}\nexit("{words}");\nopen("x");'
    )
    if says is not None:
        assert verdict.outcome is Outcome.FAILED and says in verdict.sentence, verdict
        return
    assert verdict.outcome is Outcome.DONE, verdict
    assert any(words in one["text"] for one in result_of(tmp_path)["warnings"])


def test_the_trace_of_a_scripts_own_end_is_not_its_last_word(tmp_path: Path) -> None:
    text = 'import sys\nprint "nothing to do"\nsys.exit()'
    verdict = run_it(tmp_path, Case("exits.py", {"output/a.csv": ROWS_OF_A}), text)
    assert verdict.failure is FailureClass.OUTPUTS_MISSING
    assert "The last line printed: 'nothing to do'" in verdict.sentence, verdict


def test_tables_that_are_left_open_are_named_where_files_lack(tmp_path: Path) -> None:
    verdict = run_it(tmp_path, Case("open.ijm", {"output/a.csv": ROWS_OF_A}), LEFT_OPEN)
    assert verdict.failure is FailureClass.OUTPUTS_MISSING
    assert '"Results" (1 row), "Counts" (1 row) open' in verdict.sentence, verdict
    assert "COLLECT_ALL = True" in verdict.sentence


@pytest.mark.parametrize(
    ("ending", "script", "wanted"),
    [
        (".ijm", 'run("Measure");', True),
        (".ijm", "// open(path)\nrename('a');", True),
        (".ijm", 'open(dir + name); run("Measure");', False),
        (".ijm", 'f = File.open("a.txt"); run("Measure"); print(f, nResults);', True),
        (".ijm", 'newImage("a", "8-bit", 9, 9, 1); run("Measure");', False),
        (".ijm", 'if (nImages > 0) exit("close all first");\nrun("Blur");', False),
        (".ijm", 'if (nImages > 1) exit("close the others first");\nrun("Blur");', True),
        (".ijm", 'run("Image Sequence...", "open=[" + dir + "]");', False),
        (".ijm", 'print("hello");', False),
        (".py", 'imp = IJ.getImage()\nwith open("a.csv", "w") as f: f.write("x")', True),
        (".py", "imp = IJ.openImage(path)\nIJ.run(imp, 'Measure', '')", False),
        (".py", "#@ ImagePlus imp\nIJ.run(imp, 'Measure', '')", False),
        (".groovy", "def imp = IJ.getImage()", True),
    ],
)
def test_a_script_that_opens_nothing_itself_is_known_by_its_text(
    ending: str, script: str, wanted: bool
) -> None:
    assert wants_image_in_front(script, ending) is wanted


@pytest.mark.parametrize(
    ("ending", "script", "wanted"),
    [
        (".ijm", "n = newArray(nImages);\nfor (i = 0; i < n.length; i++) selectImage(i + 1);", True),
        (".ijm", 'run("Set Measurements...", "mean");\nfor (i = 1; i <= nImages; i++) selectImage(i);', True),
        (".ijm", "while (nImages > 0) close();\nopen(path);", False),
        (".ijm", 'if (nImages == 0) exit("no image");\nt = getTitle(); run("Split Channels");', False),
        # It works on the image in front, and saves what came of it.
        (".ijm", 'run("Split Channels");\nfor (i = 1; i <= nImages; i++) saveAs("Tiff", dir + i);', False),
        (".py", "for i in WindowManager.getIDList(): IJ.run(WindowManager.getImage(i), 'Invert', '')", True),
    ],
)
def test_a_script_that_goes_through_all_images_is_known_by_its_text(
    ending: str, script: str, wanted: bool
) -> None:
    assert wants_all_images(script, ending) is wanted


@pytest.mark.parametrize(
    ("script", "has"),
    [
        (r'dir = dir + "\\";', True),
        (r'open(dir + "\\RoiSet.zip");', True),
        (r'open("ROI\\RoiSet.zip");', True),
        (r'print("\\Clear"); print("\\Update0:x"); print("\\Update:" + i);', False),
        (r'if (matches(name, ".*_\\d+\\.tif")) print("a\tb");', False),
    ],
)
def test_windows_slashes_are_known_by_the_text(script: str, has: bool) -> None:
    assert find_habits(script, ".ijm").backslashes is has


def test_a_library_of_an_update_site_is_no_package_for_cpython(tmp_path: Path) -> None:
    verdict = run_it(tmp_path, Case("bar.py", {"output/a.csv": ROWS_OF_A}), "from bar import Utils")
    assert "FIJI's update site BAR" in verdict.sentence and "CPython" not in verdict.sentence, verdict
