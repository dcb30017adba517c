"""ImageJ core and the runner, by real runs: the same work in three languages, and how jobs end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import tifffile

from tests.imagej import finish, imagej_core, run_plain, run_script, start, write_job

MACRO = """\
#@ File image
#@ Double sigma
open(image);
run("Gaussian Blur...", "sigma=" + sigma);
setAutoThreshold("Otsu dark");
setOption("BlackBackground", true);
run("Convert to Mask");
run("Set Measurements...", "area centroid redirect=None decimal=3");
run("Analyze Particles...", "size=20-Infinity display clear");
saveAs("Results", "output/objects.csv");
saveAs("PNG", "output/mask.png");
"""

PYTHON = """\
#@ File image
#@ Double sigma
from ij import IJ
plus = IJ.openImage(image.getPath())
IJ.run(plus, "Gaussian Blur...", "sigma=%s" % sigma)
IJ.setAutoThreshold(plus, "Otsu dark")
IJ.run("Options...", "iterations=1 count=1 black")
IJ.run(plus, "Convert to Mask", "")
IJ.run("Set Measurements...", "area centroid redirect=None decimal=3")
IJ.run(plus, "Analyze Particles...", "size=20-Infinity display clear")
IJ.saveAs("Results", "output/objects.csv")
IJ.saveAs(plus, "PNG", "output/mask.png")
"""

GROOVY = """\
#@ File image
#@ Double sigma
import ij.IJ
def plus = IJ.openImage(image.path)
IJ.run(plus, "Gaussian Blur...", "sigma=${sigma}")
IJ.setAutoThreshold(plus, "Otsu dark")
IJ.run("Options...", "iterations=1 count=1 black")
IJ.run(plus, "Convert to Mask", "")
IJ.run("Set Measurements...", "area centroid redirect=None decimal=3")
IJ.run(plus, "Analyze Particles...", "size=20-Infinity display clear")
IJ.saveAs("Results", "output/objects.csv")
IJ.saveAs(plus, "PNG", "output/mask.png")
"""

WORK = {"job.ijm": MACRO, "job.py": PYTHON, "job.groovy": GROOVY}


def a_plate(path: Path, spots: int = 12) -> Path:
    """Write a 16-bit TIFF with discs on a noisy ground."""
    rows, columns = numpy.mgrid[0:256, 0:256]
    image = numpy.random.default_rng(1).normal(500, 30, (256, 256))
    for spot in range(spots):
        row, column = 30 + 64 * (spot // 4), 30 + 64 * (spot % 4)
        image[(rows - row) ** 2 + (columns - column) ** 2 < 100] += 4000
    tifffile.imwrite(path, image.astype("uint16"))
    return path


def test_macro_jython_and_groovy_measure_the_same_objects(tmp_path: Path) -> None:
    image = a_plate(tmp_path / "well.tif")

    tables, masks = set(), set()
    for name, text in WORK.items():
        (tmp_path / name.replace(".", "_") / "output").mkdir(parents=True)
        folder = tmp_path / name.replace(".", "_")
        ran = run_script(folder, name, text, image=str(image), sigma=1.5)
        assert ran.result["ok"], ran
        assert ran.code == 0
        tables.add((folder / "output" / "objects.csv").read_text("utf-8"))
        masks.add((folder / "output" / "mask.png").read_bytes())

    assert len(tables) == len(masks) == 1
    assert len(tables.pop().splitlines()) == 1 + 12


#: name of the script, its text, the kind of failure, the line where known, what the message holds
FAILURES = [
    ("a.ijm", '#@ Integer n\nprint("x");\nfoo(3);\n', "macro_error", 3, "Undefined identifier"),
    ("a.ijm", '#@ Integer n\nopen("/not/there.tif");\nprint("on");', "macro_error", 2, "/not/there.tif"),
    ("a.ijm", '#@ Integer n\nrun("Gaussian Blur...", "sigma=2");', "macro_error", 2, "no images open"),
    ("a.ijm", '#@ Integer n\nrun("No such command");', "macro_error", 2, "No such command"),
    ("a.ijm", '#@ Integer n\nexit("nothing found");', "macro_error", 2, "nothing found"),
    ("a.ijm", '#@ Integer n\nroiManager("reset");', "needs_display", 2, "HeadlessException"),
    ("a.ijm", '#@ Integer n\nx = getNumber("how many", 3);', "question", 2, "does not answer"),
    (
        "a.ijm",
        '#@ Integer n\nnewImage("a", "32-bit black", 20000, 20000, 9);',
        "out_of_memory",
        2,
        "OutOfMemory",
    ),
    (
        "a.ijm",
        '#@ Integer n\nr = runMacro("nested.ijm");\nprint(r);',
        "macro_error",
        1,
        "Undefined identifier",
    ),
    ("a.py", "#@ Integer n\ndef f():\n    return 1 / 0\nf()\n", "script_error", 3, "ZeroDivisionError"),
    ("a.py", "#@ Integer n\nif:\n", "script_error", 2, "SyntaxError"),
    (
        "a.py",
        "#@ Integer n\nfrom java.io import FileReader\nFileReader('/not/there')",
        "script_error",
        3,
        "/not/there",
    ),
    ("a.py", "#@ Integer n\nimport sys\nsys.exit(3)", "script_error", None, "exit code 3"),
    ("a.py", "#@ Integer n\nimport sys\nsys.exit('no nuclei')", "script_error", None, "no nuclei"),
    (
        "a.py",
        "#@ Integer n\nfrom ij.plugin.frame import RoiManager\nRoiManager()",
        "needs_display",
        3,
        "Headless",
    ),
    ("a.py", "#@ Integer n\na = ['x' * 10000000 for i in range(100)]", "out_of_memory", 2, "OutOfMemory"),
    (
        "a.py",
        "#@ Integer n\nfrom ij import IJ\nIJ.runMacro('foo(3);')",
        "macro_error",
        1,
        "Undefined identifier",
    ),
    ("a.groovy", "#@ Integer n\n\ndef x = null\nx.foo()", "script_error", 4, "NullPointerException"),
    ("a.groovy", "#@ Integer n\ndef x = (\n", "script_error", 3, "Unexpected input"),
    (
        "a.groovy",
        "#@ Integer n\nThread.start { new long[n * 99999999] }.join()",
        "out_of_memory",
        2,
        "OutOfMemory",
    ),
    ("a.groovy", "#@ Integer n\nSystem.exit(5)", "script_error", None, "exit code 5"),
    ("n.groovy", "#@ String s\n#@ Integer n\n", "parameter", None, '"s" (String) has no value'),
    ("a.ijm", "#@ Boolean n\n", "parameter", None, '"n": 9 is no Boolean'),
    ("a.ijm", "#@ Integer n\n#@ Integer invert\n", "parameter", None, "macro language"),
]


@pytest.mark.parametrize(
    ("name", "text", "kind", "line", "words"), FAILURES, ids=[row[1][12:40] for row in FAILURES]
)
def test_failure_is_told_with_its_kind_and_line(
    tmp_path: Path, name: str, text: str, kind: str, line: int | None, words: str
) -> None:
    (tmp_path / "nested.ijm").write_text("foo(3);", encoding="utf-8")
    given = {"n": 9, "invert": 3} if "invert" in text else {"n": 9}
    heap = "--mem=96m" if kind == "out_of_memory" else "--mem=512m"

    ran = run_script(tmp_path, name, text, heap, **given)

    assert ran.code != 0, ran
    assert not ran.result["ok"]
    assert (ran.result["kind"], ran.result["line"]) == (kind, line), ran.result
    assert words in ran.result["message"], ran.result


ENDS_WELL = {
    "sys.exit(0)": ("a.py", "import sys\nprint('x')\nsys.exit(0)"),
    "System.exit(0)": ("a.groovy", "println 'x'\nSystem.exit(0)"),
    "a thread is left": ("a.groovy", "println 'x'\nnew Thread({ sleep(600000) }).start()"),
    "exit()": ("a.ijm", "print('x');\nexit();"),
    "the text of an error is printed": ("a.ijm", "print('x');\nprint('java.awt.HeadlessException: no');"),
    "Groovy's class has a parameter's name": (
        "seed.groovy",
        "#@ Integer seed\nassert seed == 7\nprintln 'x'",
    ),
    "a package is imported whole": (
        "a.py",
        "from ij.process import *\nprint('x' if ByteProcessor(2, 2) else '')",
    ),
}


@pytest.mark.parametrize("name", ENDS_WELL)
def test_a_script_that_ends_well_is_no_failure(tmp_path: Path, name: str) -> None:
    ran = run_script(tmp_path, *ENDS_WELL[name])

    assert (ran.code, ran.result.get("ok")) == (0, True), ran
    assert ran.out.startswith("x")


#: declared type, value that does not fit, what the message says
MISFITS = [
    ("Integer", 7.9, "7.9 is no Integer"),
    ("Double", "wide", '"wide" is no Double'),
    ("Boolean", "yes", '"yes" is no Boolean'),
    ('String(choices={"Otsu","Li"})', "Otzu", "not one of its choices"),
]


@pytest.mark.parametrize(("declared", "value", "words"), MISFITS)
def test_a_value_that_does_not_fit_names_its_parameter(
    tmp_path: Path, declared: str, value: str | float | bool, words: str
) -> None:
    ran = run_script(tmp_path, "a.ijm", f"#@ {declared} size\nprint('ran');", size=value)

    assert ran.result["kind"] == "parameter"
    assert words in ran.result["message"]
    assert '"size"' in ran.result["message"]
    assert "ran" not in ran.out


def test_an_unknown_parameter_is_a_warning_and_an_offered_one_is_given_when_declared(tmp_path: Path) -> None:
    ran = run_script(tmp_path, "a.groovy", "#@ Integer seed\nprintln seed + 1", extra="x")

    assert ran.result["ok"]
    assert '"extra"' in ran.out
    assert ran.out.splitlines()[-1] == "8"


def test_the_runner_says_that_it_lives_and_which_versions_it_runs_with(tmp_path: Path) -> None:
    ran = run_script(tmp_path, "a.ijm", "print(getVersion());")

    versions = json.loads((tmp_path / "alive.json").read_text("utf-8"))["versions"]
    installed = json.loads((imagej_core() / "versions.json").read_text("utf-8"))
    assert versions == ran.result["versions"]
    assert {key: versions[key] for key in ("imagej", "scijava", "java")}.items() <= installed.items()
    assert ran.result["seconds"] >= 0


def test_standby_waits_in_silence_for_its_one_job(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("#@ Integer n\nprint(n + 1)", encoding="utf-8")
    job = write_job(tmp_path, script, n=41)

    waiting = start("--run", "distributedfiji.Runner", f'job="-", warm="{script}"', cwd=tmp_path)
    ran = finish(waiting, tmp_path, sent=f"{job}\n")

    assert (ran.code, ran.out) == (0, "42\n")
    # SciJava may still want to tell of the command's end when its threads are ending already.
    assert ran.err == "" or "RejectedExecutionException" in ran.err.splitlines()[1]
    assert ran.result["ok"]


def test_standby_that_gets_no_job_ends_quietly(tmp_path: Path) -> None:
    ran = finish(start("--run", "distributedfiji.Runner", 'job="-"', cwd=tmp_path), tmp_path)

    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_plain_command_line_ends_with_true_exit_codes(tmp_path: Path) -> None:
    (tmp_path / "a.ijm").write_text("#@ String word\n#@ Integer n\nprint(word + n);", encoding="utf-8")
    (tmp_path / "bad.groovy").write_text("throw new Exception('no')", encoding="utf-8")

    done = run_plain(tmp_path, "--ij2", "--headless", "--console", "--run", "a.ijm", 'word="é,\\"", n=3')
    codes = {
        "fails": run_plain(tmp_path, "--headless", "--run", "bad.groovy").code,
        "no script": run_plain(tmp_path, "--headless", "--run", "gone.ijm").code,
        "misfit": run_plain(tmp_path, "--headless", "--run", "a.ijm", 'word="x", n="y"').code,
        "missing": run_plain(tmp_path, "--headless", "--run", "a.ijm", "n=3").code,
        "misuse": run_plain(tmp_path, "--run").code,
        "unknown compiler": run_plain(tmp_path, "--run", "a.ijm", IMAGEJ_JIT="fast").code,
    }

    assert (done.code, done.out) == (0, 'é,"3\n')
    expected = {"fails": 1, "no script": 2, "misfit": 3, "missing": 4, "misuse": 2, "unknown compiler": 2}
    assert codes == expected
    assert "1.54p" in run_plain(tmp_path, "--version").out
