"""What to report about questions that a job does not answer, and what to add to its job file. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from worker.contract.questions import answers_for, questions_of

#: The runner's message if missing answers are the only reason that a script ended.
NO_ANSWER = "The script asks what the job does not answer."
DEFAULTS_SETTING = "UNANSWERED = 'defaults' uses the dialogs' default values."
NO_INPUT = 'This job has no input/: set "inputs" in the job file to the images that it needs.'
#: The beginning of the runner's warnings about unused answers.
NOT_ASKED_FOR = "No question asked for the answer"
#: The calls that ask questions, as they appear in a script.
CONSTRUCT = re.compile(
    r"\b(?:getNumber|getString|getBoolean|getDirectory|getDir|File\.openDialog|Dialog\.show|showDialog"
    r"|waitForUser|WaitForUserDialog|showMessageWithCancel|getFilePath|DirectoryChooser|OpenDialog|SaveDialog"
    r"|YesNoCancelDialog|IJ\.run|run|open)\b"
)
WAITS = "remove it, because in a job nobody can draw or look."
KINDS = {
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "choice": "a choice",
    "folder": "a folder",
    "file": "a file",
    "save": "a file to write",
    "confirm": "yes or no",
    "wait": "it waits for a person",
}

Question = Mapping[str, Any]


def tell_unanswered(result: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the questions that a job leaves unanswered, and what to add; None if that is not the problem.

    Includes everything that the dialog asks, and what the script's text will ask later.
    """
    open_ones = [question for question in questions_of(result) if question.get("by") is None]
    asked = [question for question in open_ones if question.get("met")]
    if result.get("kind") != "question" or not asked:
        return None
    message = str(result.get("message") or NO_ANSWER)
    found = CONSTRUCT.search(str(result.get("statement") or ""))
    what = _asks(asked, found[0] if found else "it") if message == NO_ANSWER else message.rstrip(".")
    later = _list(question for question in open_ones if not question.get("met"))
    advice = [_advice(asked, open_ones, _texts(result.get("input_files")))]
    advice += [f"Later it asks for {later}."] if later else []
    return what, " ".join([*advice, *_at_hand(asked, result), DEFAULTS_SETTING])


def _asks(asked: Sequence[Question], construct: str) -> str:
    dialog = asked[0].get("dialog")
    who = f"{construct}, the dialog {_quoted(dialog)}," if dialog else construct
    return f"{who} asks for {_list(asked)}, but nobody can answer in a job"


def _advice(asked: Sequence[Question], open_ones: Sequence[Question], files: Sequence[str]) -> str:
    if all(question.get("kind") == "wait" for question in asked):
        names = json.dumps({"answers": answers_for(asked, files)}, ensure_ascii=False)[1:-1]
        return f"If nobody needs to draw or look, write into the job file: {names}. Otherwise {WAITS}"
    snippet = json.dumps({"answers": answers_for(open_ones, files)}, ensure_ascii=False)[1:-1]
    return f"Write into the job file, for all jobs or in a group: {snippet}."


def _at_hand(asked: Sequence[Question], result: Mapping[str, Any]) -> list[str]:
    """Return what may be meant: files of the job, and answers that nothing has asked for."""
    told = []
    if any(question.get("kind") in ("folder", "file") for question in asked):
        files = _texts(result.get("input_files"))
        told += [NO_INPUT] if "no_input" in _texts(result.get("hints")) else []
        told += [f"input/ contains {', '.join(files)}."] if files else []
    warnings = result.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        text = warning.get("text") if isinstance(warning, dict) else None
        told += [text] if isinstance(text, str) and text.startswith(NOT_ASKED_FOR) else []
    return told


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _list(questions: Any) -> str:
    return ", ".join(_named(question) for question in questions)


def _named(question: Question) -> str:
    """A question in words: its name, its kind, and its choices."""
    choices = question.get("choices") if question.get("kind") == "choice" else None
    kind = KINDS.get(str(question.get("kind")), "") + (f": {', '.join(map(str, choices))}" if choices else "")
    return f"{_quoted(question.get('name') or question.get('label'))} ({kind})"


def _quoted(text: Any) -> str:
    return json.dumps(str(text or ""), ensure_ascii=False)
