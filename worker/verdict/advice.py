"""Explain why a script failed, and what to write instead. Pure.

Reads the runner's result: its message, its trace, and the script's words at the point of failure
(`statement`; a macro's words have spaces between them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.images import OPEN_IMAGE
from worker.contract.jobs import FailureClass
from worker.verdict.plugins import is_known, where_to_get
from worker.verdict.unanswered import tell_unanswered


@dataclass(frozen=True)
class Told:
    """A failure in words. `what` has no full stop; `advice` is whole sentences, or empty."""

    what: str
    advice: str = ""
    failure: FailureClass | None = None


@dataclass(frozen=True)
class _Question:
    """One way to ask a person: how it looks in a script and in a trace, and what to write instead."""

    script: re.Pattern[str]
    trace: re.Pattern[str]
    what: str
    instead: str


def _question(script: str, trace: str, what: str, instead: str) -> _Question:
    return _Question(re.compile(script), re.compile(trace), what, instead)


NOBODY = "but nobody can answer in a job"
QUESTIONS = (
    _question(
        r"\bgetDir(ectory)?\b|DirectoryChooser",
        r"ij\.io\.DirectoryChooser",
        "asks a person for a folder",
        "Declare `#@ String input_dir` or `#@ String output_dir`, which the worker sets, and use it"
        ' instead. For any other folder, declare `#@ File (style="directory") folder`.',
    ),
    _question(
        r"\bopenDialog\b|\bOpenDialog\b|\bSaveDialog\b|\bJFileChooser\b|\bgetFilePath\b",
        r"ij\.io\.(Open|Save)Dialog|JFileChooser|java\.awt\.FileDialog",
        "asks a person for a file",
        "Declare `#@ File image`, set its address in the job file, and use it instead.",
    ),
    _question(
        r"\bwaitForUser\b|\bWaitForUserDialog\b",
        r"ij\.gui\.WaitForUserDialog",
        "waits for a person",
        "Remove it: in a job nobody can draw or look.",
    ),
    _question(
        r"\bgetNumber\b",
        r"(?!)",
        "asks a person for a number",
        "Declare `#@ Double name` and set its value in the job file.",
    ),
    _question(
        r"(?<!\.)\bgetString\s*\(|\bIJ\.getString\b",
        r"(?!)",
        "asks a person for a text",
        "Declare `#@ String name` and set its value in the job file.",
    ),
    _question(
        r"\bgetBoolean\b|\bshowMessageWithCancel\b|\bYesNoCancelDialog\b",
        r"ij\.gui\.YesNoCancelDialog",
        "asks a person yes or no",
        "Declare `#@ Boolean name` and set its value in the job file.",
    ),
    _question(
        r"\bDialog\s*\.\s*\w+|\b(NonBlocking)?GenericDialog(Plus)?\b|\bJOptionPane\b|\bJDialog\b",
        r"ij\.gui\.(NonBlocking)?GenericDialog|headless dialog|JOptionPane",
        "shows a dialog",
        "Declare each of its fields as a parameter, such as `#@ Double sigma`, `#@ String name` or `#@"
        " Boolean dark`, and set their values in the job file.",
    ),
)

#: How ImageJ or Java refuses a window, or ends a macro whose question nobody answered.
REFUSED = re.compile(
    r"HeadlessException|headless dialog|run dialog headlessly|AWTError|cancelled the macro without a word"
)
EMPTY_ARGUMENT = (
    'getArgument() returned an empty text, because the job has no "argument". Add one to its group or to'
    " shared_metadata."
)
#: ij.IJ.noImage(), which commands and functions of the macro language call (ImageJ 1.54p).
NO_IMAGE = re.compile(r"(?i)\bno images? (?:are |is )?open|\bno image\b.*\bopen")
#: The wording of ij.io.Opener (ImageJ 1.54p).
OTHERS_FORMAT = re.compile(
    r"(?i)Unsupported format or file not found"
    r".*\.(?:lsm|czi|lif|nd2|oib|oif|oir|vsi|ims|svs|scn|qptiff|dv|r3d|zvi|lei)\W*$"
)
#: The wording of ij.plugin.frame.RoiManager, ij.plugin.Selection, ij.macro.Functions and others (ImageJ
#: 1.54p).
NO_SELECTION = re.compile(
    r"(?i)does not have a selection|selection (?:is )?required|requires a[n ]*(?:\w+ )*selection"
    r"|no selection|needs a selection"
)
NO_COMMAND = re.compile(r'Unrecognized command: "([^"]*)"|Plugin or class not found: "([^"]*)"')
NO_CLASS = re.compile(
    r"ImportError: No module named (?P<module>[\w.]+)"
    r"|ImportError: cannot import name (?P<name>\w+)"
    r"|unable to resolve class (?P<groovy>[\w.]+)"
    r"|(?:ClassNotFoundException|NoClassDefFoundError): (?P<java>[\w./$]+)"
    r"|Could not load class (?P<macro>[\w.$]+)"
    r"|Class(?: or variable)?: (?P<bsh>[\w.]+) not found"
)
PYTHON_MODULE = (
    "A job has only its script: copy the code of your own modules into it. CPython packages such as numpy"
    " do not run in FIJI's Python, which is Jython."
)
IMPORTED = re.compile(r"\bfrom\s+([\w.]+)\s+import\b|\bimport\s+(?:static\s+)?([\w.]+)")
#: ImageJ's wording (ij.IJ.selectWindow, ij.IJ.noImage, ij.macro.Functions, 1.54p).
NO_WINDOW = re.compile(
    r'[Nn]o window with the title "([^"]*)"|^(?:ImageJ said: )?("[^"]*"|Image -?\d+) not found$'
)
TABLES = {
    "Results": "The first measurement creates this table: nothing had been measured yet, or the table was"
    ' closed. Check first with `if (isOpen("Results"))`.',
    "Summary": "Analyze Particles creates this table if its options contain `summarize`: it had not been"
    ' created yet, or was closed. Check first with `if (isOpen("Summary"))`.',
    "Log": "The first printed line creates the log: nothing had been printed yet, or the log was"
    ' closed. Check first with `if (isOpen("Log"))`.',
}
NO_OTHER_WINDOW = "No image or table with this title was open; titles must match exactly."
NO_SUCH_IMAGE = (
    "No open image has this title or ID. Titles must match exactly, and an image that was closed or saved"
    ' under another name no longer has its old one. `getList("image.titles")` lists what is open.'
)
UNKNOWN_TYPE = re.compile(r"does not know the type of ")
SERVICE_LIKE = re.compile(r"#@ \w*(Service|ImageJ|Context)\b")
IMAGE_TYPES = re.compile(r"\b(ImagePlus|Dataset|ImageDisplay|Img|RandomAccessibleInterval)\b")
FILE_PARAMETER = (
    "declare `#@ File image`, and open it with `IJ.openImage(image.getPath())`, in a macro"
    " with `open(image);`"
)
PLUGIN_ERRORS_SETTING = "With PLUGIN_ERRORS = 'warn' such jobs count as done, with a warning."


#: Jython takes a method of an interface for less than a property of a class, getInfo() (fiji/fiji#267,
#: jython/jython#70, closed as "wontfix"; Jython 2.7.2 and later, in FIJI's own window too).
LOG_INFO = re.compile(r"'org\.scijava\.plugin\.PluginInfo' object is not callable")

#: Spaces that ImageJ's interpreter inserts between words. Spaces in quoted text are kept.
APART = re.compile(r"""(?P<text>"[^"]*"|'[^']*')|\s+(?=[\[\]().,;])|(?<=[(\[.])\s+""")


def tell(result: Mapping[str, Any], *, headless: bool, is_core: bool) -> Told:
    """Return an explanation of a failed result. `is_core`: the FIJI is ImageJ core."""
    facts = _Facts(result, headless, is_core)
    for explain in EXPLANATIONS:
        told = explain(facts)
        if told:
            return told
    if facts.kind == "plugin_error":
        return _plugin_error(facts)
    return Told(facts.message)


class _Facts:
    """The parts of a result, as texts."""

    def __init__(self, result: Mapping[str, Any], headless: bool, is_core: bool) -> None:
        self.kind = str(result.get("kind") or "")
        self.message = str(result.get("message") or "no message").strip().rstrip(".") or "no message"
        self.statement = str(result.get("statement") or "")
        self.trace = str(result.get("trace") or "")
        self.all = "\n".join((self.message, self.statement, self.trace))
        hints = result.get("hints")
        self.result = result
        self.hints = hints if isinstance(hints, list) else []
        self.headless = headless
        self.is_core = is_core


def _empty_argument(facts: _Facts) -> Told | None:
    if "empty_argument" not in facts.hints:
        return None
    told = tell_unanswered(facts.result)
    return Told(told[0], EMPTY_ARGUMENT, _asks()) if told else Told(_shown(facts), EMPTY_ARGUMENT)


def _shown(facts: _Facts) -> str:
    """The message, or its cause if the message says little."""
    at = f" at {_tidy(facts.statement)}" if facts.statement else ""
    return f"{facts.message}{at}" if REFUSED.search(facts.message) else facts.message


def _unanswered(facts: _Facts) -> Told | None:
    told = tell_unanswered(facts.result)
    return Told(*told, _asks()) if told else None


def _question_asked(facts: _Facts) -> Told | None:
    refused = REFUSED.search(facts.message) or REFUSED.search(facts.trace)
    if facts.kind != "question" and not refused and "NoneType" not in facts.message:
        return None
    for question in QUESTIONS:
        if question.script.search(facts.statement):
            return Told(f"{_tidy(facts.statement)} {question.what}, {NOBODY}", question.instead, _asks())
    if facts.kind == "question":
        what = f"{facts.message} stood open, {NOBODY}"
        return Told(what, QUESTIONS[-1].instead, _asks())
    for question in QUESTIONS if refused else ():
        if question.trace.search(facts.trace):
            where = _tidy(facts.statement) or "it"
            return Told(f"{where} {question.what}, {NOBODY}", question.instead, _asks())
    return None


def _asks() -> FailureClass:
    return FailureClass.NEEDS_ANSWER


def _tidy(statement: str) -> str:
    """A statement as a person would write it, shortened to fit. It failed at the last word."""
    text = APART.sub(lambda found: found["text"] or "", statement).strip().rstrip(";").strip()
    return text if len(text) <= 100 else text[:99] + "…"


def _bio_formats(facts: _Facts) -> Told | None:
    """In any FIJI, the importer cannot even be loaded headless (ome/bioformats#4372)."""
    if "Bio-Formats" not in facts.message + facts.statement and "loci.plugins" not in facts.trace:
        return None
    if not re.search(r"VerifyError|HeadlessException|GenericDialog", facts.message + facts.trace):
        return None
    xvfb = ", or set DISPLAY_MODE = 'xvfb'" if facts.headless else ""
    return Told(
        "the Bio-Formats Importer needs a display",
        'Open images with `run("Bio-Formats Macro Extensions"); Ext.openImagePlus(path);` in a macro, or with'
        f" `BF.openImagePlus(path)` (`from loci.plugins import BF`) in a script{xvfb}.",
        FailureClass.NEEDS_DISPLAY,
    )


def _no_image(facts: _Facts) -> Told | None:
    """A person opens an image before starting such a script; in a job, the script must."""
    if "opened_image" in facts.hints or not NO_IMAGE.search(facts.message):
        return None
    files = facts.result.get("input_files")
    file = next((name for name in files if isinstance(name, str)), "…") if isinstance(files, list) else "…"
    answer = json.dumps({"answers": {OPEN_IMAGE: f"input/{file}"}}, ensure_ascii=False)[1:-1]
    return Told(
        facts.message,
        f"If the script expects an image that a person has already opened, write into the job file: {answer}."
        ' To open several, use a list of files, or "input" for all of them.',
    )


def _unsupported(facts: _Facts) -> Told | None:
    """A microscope vendor's format, which ImageJ leaves to Bio-Formats."""
    if not OTHERS_FORMAT.search(facts.message):
        return None
    return Told(facts.message, where_to_get("Bio-Formats", is_core=facts.is_core))


def _no_selection(facts: _Facts) -> Told | None:
    """What a person would draw is missing in a job, even if `waitForUser` continued."""
    if not NO_SELECTION.search(facts.message):
        return None
    return Told(
        facts.message,
        "In a job nobody can draw. Let the script create the selection (makeRectangle, or a threshold and"
        ' `run("Create Selection")`), or provide it with the inputs, as a ROI file or saved in a TIFF image.',
    )


def _missing_command(facts: _Facts) -> Told | None:
    found = NO_COMMAND.search(facts.message)
    if not found:
        return None
    name = found[1] or found[2]
    return Told(
        f'this FIJI has no plugin with the command "{name}"',
        where_to_get(name.strip(), is_core=facts.is_core),
    )


def _missing_class(facts: _Facts) -> Told | None:
    found = NO_CLASS.search(facts.message)
    if not found:
        return None
    name = next(value for value in found.groups() if value).replace("/", ".")
    imported = IMPORTED.search(facts.statement)
    whole = next((part for part in imported.groups() if part), name) if imported else name
    # Java classes begin with a capital, and Java packages contain dots.
    is_python = found["module"] and "." not in whole and whole == whole.lower() and not is_known(whole)
    advice = PYTHON_MODULE if is_python else where_to_get(whole, is_core=facts.is_core)
    return Told(f"{facts.message}: this FIJI has no {whole}", advice)


def _log_info(facts: _Facts) -> Told | None:
    if not LOG_INFO.search(facts.message):
        return None
    return Told(
        "in FIJI's Python, Jython, the `info` of a LogService is its description, not a method",
        "Write `log.log(LogLevel.INFO, text)`, with `from org.scijava.log import LogLevel`, or"
        " `IJ.log(text)`; `log.warn` and `log.error` work.",
    )


def _missing_window(facts: _Facts) -> Told | None:
    found = NO_WINDOW.search(facts.message)
    if not found:
        return None
    if found[2]:
        return Told(facts.message, NO_SUCH_IMAGE)
    why = TABLES.get(found[1], NO_OTHER_WINDOW)
    return Told(facts.message, f"{why} {_open_windows(facts.result)}".strip())


def follows_from_another(what: str) -> bool:
    """Whether a failure only says that something is missing, so that an earlier error is the cause."""
    return NO_WINDOW.search(what) is not None or NO_IMAGE.search(what) is not None


def _open_windows(result: Mapping[str, Any]) -> str:
    """The open windows, as far as the runner has reported them."""
    titles = result.get("windows")
    if not isinstance(titles, list):
        return ""
    named = ", ".join(f'"{title}"' for title in titles if isinstance(title, str))
    return f"Open at that point: {named}." if named else "Nothing was open at that point."


def _parameter(facts: _Facts) -> Told | None:
    if facts.kind != "parameter":
        return None
    if UNKNOWN_TYPE.search(facts.message) and IMAGE_TYPES.search(facts.message):
        return Told(
            facts.message,
            f"A job provides files, which every FIJI accepts: {FILE_PARAMETER}."
            + (" ImageJ core knows fewer types than FIJI." if facts.is_core else ""),
        )
    if IMAGE_TYPES.search(facts.message):
        return Told(
            facts.message,
            "A job provides files: it opens its one input for this parameter, or the file that the job"
            f" file sets for it. Otherwise {FILE_PARAMETER}.",
        )
    if UNKNOWN_TYPE.search(facts.message):
        core = " ImageJ core knows fewer types than FIJI." if facts.is_core else ""
        return Told(facts.message, f"Only a FIJI with the plugin that provides it can run this script.{core}")
    if re.search(r"requires (one|them)$", facts.message):
        it = "it" if facts.message.endswith("one") else "them"
        return Told(
            facts.message,
            f"Give {it} in the job file's groups or shared_metadata, or declare a default (value=…).",
        )
    return Told(facts.message)


def _plugin_error(facts: _Facts) -> Told:
    if facts.message == "ImageJ said: Could not find JavaScript engine":
        return Told(
            "this FIJI's Java has no JavaScript engine (Java removed its own in version 15)",
            "Write this part in the macro language, in Python or in Groovy.",
        )
    return Told(facts.message, PLUGIN_ERRORS_SETTING)


EXPLANATIONS = (
    _empty_argument,
    _unanswered,
    _question_asked,
    _bio_formats,
    _no_image,
    _no_selection,
    _unsupported,
    _missing_command,
    _missing_class,
    _log_info,
    _missing_window,
    _parameter,
)
