"""What a script asks a person, judged by its text, for `submitJob`, `tryScript` and the worker. Pure.

FIJI reports exactly what a script asks when it gets there (docs/scripts.md#questions). This module only sees
questions whose words appear in the text, and so names those that a script would reach later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from worker.contract.scripts import PARTS_OF_A_MACRO

UNANSWERED = ("fail", "defaults")

NUMBER, TEXT, BOOLEAN, CHOICE = "number", "text", "boolean", "choice"
FOLDER, FILE, SAVE, CONFIRM, WAIT = "folder", "file", "save", "confirm", "wait"

#: What `getDirectory` knows without asking (ij.IJ.getDirectory, ImageJ 1.54p).
KNOWN_FOLDERS = frozenset(
    {"plugins", "macros", "luts", "home", "downloads", "startup", "imagej", "current", "default",
     "preferences", "temp", "image", "file", "cwd"}
)  # fmt: skip

_TEXT = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
_CALL = re.compile(
    r"(?<![\w$])(?P<name>getNumber|getString|getBoolean|getDirectory|getDir|openDialog|waitForUser"
    r"|WaitForUserDialog|showMessageWithCancel|getFilePath|DirectoryChooser|OpenDialog|SaveDialog|addNumber"
    r"|addNumericField|addSlider|addString|addStringField|addDirectory|addDirectoryField|addFile|addFileField"
    rf"|addCheckbox|addChoice|addRadioButtonGroup)\s*\(\s*u?(?P<label>{_TEXT})(?P<rest>[^\n]*)"
)
_CREATE = re.compile(
    rf"(?:Dialog\s*\.\s*create(?:NonBlocking)?|GenericDialog(?:Plus)?)\s*\(\s*u?(?P<title>{_TEXT})"
)
_KINDS = {
    "getNumber": NUMBER, "addNumber": NUMBER, "addNumericField": NUMBER, "addSlider": NUMBER,
    "getString": TEXT, "addString": TEXT, "addStringField": TEXT,
    "addCheckbox": BOOLEAN, "addChoice": CHOICE, "addRadioButtonGroup": CHOICE,
    "getDirectory": FOLDER, "getDir": FOLDER, "DirectoryChooser": FOLDER, "addDirectory": FOLDER,
    "addDirectoryField": FOLDER, "openDialog": FILE, "getFilePath": FILE, "OpenDialog": FILE, "addFile": FILE,
    "addFileField": FILE, "SaveDialog": SAVE, "getBoolean": CONFIRM, "showMessageWithCancel": CONFIRM,
    "waitForUser": WAIT, "WaitForUserDialog": WAIT,
}  # fmt: skip
_DEFAULT = re.compile(rf"\s*,\s*(?P<value>{_TEXT}|-?[\d.]+(?:[eE]-?\d+)?|[Tt]rue|[Ff]alse)\s*[,)]")
_CHOICES = re.compile(rf"\s*,\s*(?:newArray\(|\[)(?P<items>\s*{_TEXT}(?:\s*,\s*{_TEXT})*)\s*[)\]]")
_COMMENT = re.compile(r"^\s*(//|#(?!@))")
#: Titles of folders that a script reads.
_READS = re.compile(
    r"(?i)(?<![a-z])(?:masks?|rois?|images?|pictures?|stacks?|raw|sources?|files?|data|labels?|references?|controls?"
    r"|originals?|from|containing)(?![a-z])"
)


TRUTHS = frozenset({"true", "false", "1", "0", "yes", "no"})


@dataclass(frozen=True)
class Question:
    """One question in a script. `default` and `choices`: None if the text does not say."""

    kind: str
    dialog: str
    label: str
    default: Any
    choices: list[str] | None
    line: int

    def document(self) -> dict[str, Any]:
        """Return it in the form that the worker's job file uses."""
        return asdict(self)


def find_questions(script: str) -> list[Question]:
    """Return the questions whose words appear in a script, in order, each once."""
    found: dict[tuple[str, str], Question] = {}
    dialog = ""
    code = PARTS_OF_A_MACRO.sub(_without_comment, script)
    for number, line in enumerate(code.splitlines(), 1):
        if _COMMENT.match(line):
            continue
        if title := _CREATE.search(line):
            dialog = _unquoted(title["title"])
        at = 0
        while call := _CALL.search(line, at):
            at = call.end("label")
            question = _question(call, dialog, number)
            if question:
                found.setdefault((question.kind, question.label), question)
    return list(found.values())


def _without_comment(part: re.Match[str]) -> str:
    """Return the replacement for a part of a script: for a comment that spans lines, its line ends."""
    return "\n" * part[0].count("\n") if part[0].startswith("/*") else part[0]


def _question(call: re.Match[str], dialog: str, line: int) -> Question | None:
    name, label, rest = call["name"], _unquoted(call["label"]), call["rest"]
    kind = _KINDS[name]
    if name in ("getDirectory", "getDir", "DirectoryChooser") and label.lower() in KNOWN_FOLDERS:
        return None
    # If the expression continues after the text, nobody can know the label.
    if not re.match(r"\s*[,)]", rest):
        return None
    is_field = name.startswith("add")
    choices = _items(rest) if kind == CHOICE else None
    default = choices[0] if choices else _default(rest, kind)
    if kind in (FOLDER, FILE, SAVE) or name == "addSlider":
        default = None
    label = label.replace("_", " ").strip() if is_field else label
    return Question(kind, dialog if is_field else "", label, default, choices, line)


def _default(rest: str, kind: str) -> Any:
    if kind in (CONFIRM, WAIT):
        return True
    found = _DEFAULT.match(rest)
    if not found:
        return None
    value = found["value"]
    if value[0] in "\"'":
        return _unquoted(value) if kind == TEXT else None
    if kind == BOOLEAN:
        return value.lower() in ("true", "1")
    try:
        return float(value) if kind == NUMBER else value
    except ValueError:
        return None


def _items(rest: str) -> list[str] | None:
    found = _CHOICES.match(rest)
    return [_unquoted(item) for item in re.findall(_TEXT, found["items"])] if found else None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def names_question(key: str, label: str) -> bool:
    """Whether a key of `answers` or of the metadata is a question's label, or a form of it.

    The runner decides by the same rule (distributedfiji.questions.Names): the label as written, its letters
    and digits ("sigma_pixels" for "Sigma (pixels)"), or these without the part in brackets ("sigma").
    """
    return key == label or plain(key) in {plain(label), brief(label)} - {""}


def plain(name: str) -> str:
    """Return a label's letters and digits in lower case, joined by _."""
    text = unicodedata.normalize("NFC", name).lower()
    return re.sub(r"_+", "_", "".join(c if c.isalpha() or c.isnumeric() else "_" for c in text)).strip("_")


def brief(name: str) -> str:
    """Return `plain` of a label without the part in brackets."""
    return plain(re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", name))


def misfits(question: Question, value: Any) -> list[str]:
    """Say why an answer does not fit a question, as the runner will (distributedfiji.questions)."""
    where = f"the answer to {question.label!r},"
    found = []
    for item in value if isinstance(value, list) else [value]:
        if question.kind == NUMBER and not _is_number(item):
            found.append(f"{where} {item!r}, is not a number")
        elif question.kind == BOOLEAN and str(item).lower() not in TRUTHS:
            found.append(f"{where} {item!r}, is neither true nor false")
        elif question.kind == CHOICE and question.choices and str(item) not in question.choices:
            found.append(f"{where} {item!r}, is not one of {', '.join(map(repr, question.choices))}")
    return found


def _is_number(item: Any) -> bool:
    try:
        return not isinstance(item, bool) and isfinite(float(item))
    except ValueError:
        return False


def questions_of(result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the questions that the runner reports; docs/scripts.md describes them."""
    told = (result or {}).get("questions")
    return [item for item in (told if isinstance(told, list) else []) if isinstance(item, dict)]


def answers_for(questions: Iterable[Mapping[str, Any]], files: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a job file's `answers` could hold for unanswered questions, as a starting point to edit.

    The values that a dialog shows are taken. `files`: what is in the job's input/, for file questions.
    """
    answers: dict[str, Any] = {}
    names = list(files)
    for question in questions:
        name = str(question.get("name") or question.get("label") or "")
        if question.get("by") is None and name and name not in answers:
            answers[name] = _example(question, names)
    return answers


def _example(question: Mapping[str, Any], files: list[str]) -> Any:
    kind, default = question.get("kind"), question.get("default")
    if question.get("times", 0) > 1 and kind == CONFIRM:
        # A loop asks it, and continues until the answer is different.
        return [True, False]
    if kind == FOLDER:
        return "input" if _READS.search(str(question.get("label"))) else "output/more"
    if kind == FILE:
        return f"input/{files[0]}" if files else "input/…"
    if kind == SAVE:
        return "output/result.txt"
    if kind in (CONFIRM, WAIT):
        return True
    if kind == CHOICE:
        return default if default is not None else next(iter(question.get("choices") or [""]), "")
    if isinstance(default, float) and default.is_integer():
        return int(default)
    return default if default is not None else {NUMBER: 1, BOOLEAN: False}.get(str(kind), "")
