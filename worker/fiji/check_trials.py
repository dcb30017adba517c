"""What a FIJI must do for the worker: scripts to run in it, and the expected outcomes. Pure data.

A trial's `judge` returns "" if it held, else a few words about what was wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from worker.contract.jobs import FailureClass, Value
from worker.fiji.check_run import JOB_SECONDS, Ran

#: Each language's file ending, and SciJava's name for the language.
LANGUAGES = {"ijm": "Macro", "py": "Python", "groovy": "Groovy", "bsh": "BeanShell"}

#: Values that launchers, shells and parsers may misinterpret.
TEXT = ' ${app-dir} $HOME %s "quoted" \\back, k="v" \'x\' --headless -Xmx1m ümlaut µ 𝛼 '
VALUES: Mapping[str, Value] = {
    "text": TEXT,
    "empty": "",
    "date": "2024-01-02",
    "well": "007",
    "count": -3,
    "ratio": 1e-7,
    "ticked": True,
    "place": "/a folder/with, odd 'signs' é.tif",
}
DECLARED = {
    "text": "String",
    "empty": "String",
    "date": "String",
    "well": "String",
    "count": "Integer",
    "ratio": "Double",
    "ticked": "Boolean",
    "place": "File",
}
NAMES = tuple(DECLARED)
#: Separates two values that a script has written.
BETWEEN = "\n==\n"


@dataclass(frozen=True)
class Trial:
    """A script, in a file with that ending, and the test of its run.

    The ending is one of LANGUAGES; in a FIJI without that language, the trial is left out. `earlier`:
    parameters of a run before this one. `job_seconds`: the run's time limit. `paths`: a job's, for folders of
    another machine that the script names. `display`: whether it runs with USE_XVFB.
    """

    name: str
    ending: str
    text: str
    judge: Callable[[Ran], str]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    earlier: Mapping[str, Value] | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    job_seconds: float = JOB_SECONDS
    display: bool = False
    needs_bioformats: bool = False


def is_done(ran: Ran) -> str:
    """Return '' for a job that is done, else how it ended."""
    return "" if ran.is_done else ran.told()


def _fails(*words: str, by: FailureClass | None = None, line: int | None = None) -> Callable[[Ran], str]:
    """Return a test that a run fails with these words, and with that class of failure if given."""

    def judge(ran: Ran) -> str:
        overran = ran.verdict.failure in (FailureClass.TIMED_OUT, FailureClass.STALLED)
        if ran.is_done or overran or (by and ran.verdict.failure is not by):
            return ran.told()
        if missing := [word for word in words if word not in ran.verdict.sentence]:
            return f"it does not say {missing[0]!r}: {ran.verdict.sentence}"
        if line is not None and ran.verdict.line != line:
            return f"line {line} is said to be line {ran.verdict.line}"
        return ""

    return judge


def _writes(wanted: str, name: str = "seen.txt") -> Callable[[Ran], str]:
    def judge(ran: Ran) -> str:
        found = ran.texts.get(name, "").strip()
        if not ran.is_done:
            return ran.told()
        return "" if found == wanted else f"{found!r} instead of {wanted!r}"

    return judge


def _gets_values(ran: Ran) -> str:
    if not ran.is_done:
        return ran.told()
    found = ran.texts.get("seen.txt", "").split(BETWEEN)
    if len(found) < len(NAMES):
        return f"it wrote {len(found)} values of {len(NAMES)}"
    wrong = [name for name, text in zip(NAMES, found, strict=False) if not _is_value(VALUES[name], text)]
    return "" if not wrong else "; ".join(f"{name} is {found[NAMES.index(name)]!r}" for name in wrong)


def _is_value(value: Value, text: str) -> bool:
    """Whether a script's text represents a value, since languages write numbers and booleans differently."""
    if isinstance(value, bool):
        return text.lower() in (str(value).lower(), str(int(value)))
    if isinstance(value, int | float):
        try:
            return abs(float(text) - value) <= 1e-9 * abs(value)
        except ValueError:
            return False
    return text == value


def _declarations(comment: str = "#@") -> str:
    return "".join(f"{comment} {kind} {name}\n" for name, kind in DECLARED.items())


def _parameter_scripts() -> dict[str, str]:
    between = json.dumps(BETWEEN)
    java = f" + {between} + ".join(NAMES)
    python = ", ".join(f"unicode({name})" for name in NAMES)
    return {
        "ijm": _declarations() + f'File.saveString("" + {java}, "output/seen.txt");\n',
        "py": _declarations()
        + "import io\n"
        + f"all = u{between}.join([{python}])\n"
        + 'io.open("output/seen.txt", "w", encoding="utf-8", newline="").write(all)\n',
        "groovy": _declarations() + f'new File("output/seen.txt").setText("" + {java}, "UTF-8")\n',
        "bsh": _declarations()
        + "import java.nio.file.Files;\nimport java.nio.file.Paths;\n"
        + f'String all = "" + {java};\n'
        + 'Files.write(Paths.get("output/seen.txt", new String[0]), all.getBytes("UTF-8"),'
        + " new java.nio.file.OpenOption[0]);\n",
    }


#: A script in each language that fails in line 3, and what its message says.
BROKEN = {
    "ijm": 'print("begun");\na = 1;\nrun("Gaussian Blur...", "sigma=2");\n',
    "py": 'print("begun")\na = 1\nraise ValueError("broken on purpose")\n',
    "groovy": 'println "begun"\na = 1\nthrow new IllegalStateException("broken on purpose")\n',
    "bsh": 'print("begun");\na = 1;\nthrow new IllegalStateException("broken on purpose");\n',
}

ENDS = """
newImage("made", "8-bit", 300, 300, 3);
run("Gaussian Blur...", "sigma=2 stack");
run("Median...", "radius=2 stack");
File.saveString("done", "output/seen.txt");
"""
MEASURE = """
run("Set Measurements...", "mean redirect=None decimal=3");
newImage("made", "8-bit black", 20, 20, 4);
for (i = 1; i <= nSlices; i++) { setSlice(i); run("Add...", "value=" + i + " slice"); run("Measure"); }
saveAs("Results", "output/rows.csv");
File.saveString(d2s(nResults, 0), "output/seen.txt");
"""
PLUGIN = """
newImage("made", "8-bit", 20, 20, 2);
run("Bin...", "x=0 y=0 z=0");
"""
DIALOG = """
Dialog.create("A question");
Dialog.addNumber("number", 7);
Dialog.show();
waitForUser("Another", "question");
"""
ANSWERED = """
Dialog.create("A question");
Dialog.addNumber("Sigma (pixels)", 7);
Dialog.show();
File.saveString(d2s(Dialog.getNumber(), 2) + getString("Name", "none"), getDirectory("Save to") + "seen.txt");
"""
ANOTHER_MACHINE = r"""
folder = "D:\\Results\\";
if (!File.exists(folder)) File.makeDirectory(folder);
File.saveString("led", folder + "seen.txt");
"""
MEMORY = """
for (i = 0; i < 100; i++) newImage("made", "32-bit", 10000, 10000, 1);
"""
DISPLAY = """
newImage("made", "8-bit", 20, 20, 1);
makeRectangle(2, 2, 5, 5);
roiManager("add");
File.saveString(d2s(roiManager("count"), 0), "output/seen.txt");
"""
EXIT = {
    "py": "from java.lang import System\nSystem.exit(3)\n",
    "groovy": "System.exit(3)\n",
    "bsh": "System.exit(3);\n",
}
REMEMBER = '#@ String (value="unset") kept\nFile.saveString(kept, "output/seen.txt");\n'
IMAGE = """
#@ String file
run("Bio-Formats Macro Extensions");
Ext.openImagePlus(file);
File.saveString(d2s(nSlices, 0) + " " + d2s(getWidth(), 0), "output/seen.txt");
"""


def trials(*, start_seconds: float, image: str) -> list[Trial]:
    """Return all trials in the table's order. `start_seconds`: for a run.

    `image`: the path of an OME-TIFF.
    """
    parameter_scripts = _parameter_scripts()
    found = [
        Trial(f"parameters, .{ending}", ending, parameter_scripts[ending], _gets_values, VALUES)
        for ending in LANGUAGES
    ]
    found += [
        Trial(f"a failing script, .{ending}", ending, BROKEN[ending], _failure_of(ending))
        for ending in LANGUAGES
    ]
    found += [
        Trial(f"exit code, .{ending}", ending, text, _fails("exit code 3")) for ending, text in EXIT.items()
    ]
    limit = max(5.0, 2 * start_seconds + 3)
    return [
        *found,
        Trial("a good script ends", "ijm", ENDS, _writes("done")),
        Trial("time-out", "ijm", "wait(3600000);", _times_out, job_seconds=limit),
        Trial("out of memory", "ijm", MEMORY, _fails("memory", by=FailureClass.OUT_OF_MEMORY)),
        Trial("a plugin that throws", "ijm", PLUGIN, _fails("plugin")),
        Trial("a dialog, headless", "ijm", DIALOG, _fails("dialog")),
        Trial("a dialog with answers", "ijm", ANSWERED, _writes("2.25ä"), {"sigma": 2.25, "name": "ä"}),
        Trial(
            "another machine's folder",
            "ijm",
            ANOTHER_MACHINE,
            _writes("led"),
            paths={"D:/results": "output"},
        ),
        Trial("Measure keeps rows", "ijm", MEASURE, _keeps_rows),
        Trial("no run knows of another", "ijm", REMEMBER, _writes("unset"), earlier={"kept": "remembered"}),
        Trial("ROI Manager, display", "ijm", DISPLAY, _writes("1"), display=True),
        Trial("Bio-Formats", "ijm", IMAGE, _writes("6 16"), {"file": image}, needs_bioformats=True),
    ]


def _failure_of(ending: str) -> Callable[[Ran], str]:
    words = () if ending == "ijm" else ("broken on purpose",)
    by = FailureClass.MACRO_ERROR if ending == "ijm" else FailureClass.SCRIPT_ERROR
    return _fails(*words, by=by, line=3)


def _times_out(ran: Ran) -> str:
    return "" if ran.verdict.failure is FailureClass.TIMED_OUT else ran.told()


def _keeps_rows(ran: Ran) -> str:
    if not ran.is_done:
        return ran.told()
    rows = [line.split(",")[-1] for line in ran.texts.get("rows.csv", "").splitlines()[1:]]
    if rows != ["1", "2", "3", "4"] and rows != ["1.000", "2.000", "3.000", "4.000"]:
        return f"4 measured, in rows.csv {rows}; nResults is {ran.texts.get('seen.txt', '')}"
    return ""
