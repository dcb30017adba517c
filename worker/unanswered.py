"""What to tell of questions that a job does not answer, and what to write into its job file. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from worker.contract_questions import answers_for, questions_of

#: The runner's message where it is the lack of answers alone that ends a script.
NO_ANSWER = "The script asks what the job does not answer."
DEFAULTS_SETTING = "UNANSWERED = 'defaults' takes what the dialogs show."
NO_INPUT = 'This job has no input/: "inputs" in the job file names the images that are brought there.'
WAITS = "Take it out: a script that runs by itself cannot have a person draw or look."
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
    """Return what a script asks that the job does not answer, and what to write; None where that is not it.

    All that the dialog asks is named, and what the script's text will ask further on.
    """
    open_ones = [question for question in questions_of(result) if question.get("by") is None]
    asked = [question for question in open_ones if question.get("met")]
    if result.get("kind") != "question" or not asked:
        return None
    message = str(result.get("message") or NO_ANSWER)
    what = _asks(asked) if message == NO_ANSWER else message.rstrip(".")
    later = _list(question for question in open_ones if not question.get("met"))
    advice = [_advice(asked, open_ones)]
    advice += [f"Further on it asks for {later}."] if later else []
    advice += [NO_INPUT] if _lacks_input(asked, result.get("hints")) else []
    return what, " ".join([*advice, DEFAULTS_SETTING])


def _asks(asked: Sequence[Question]) -> str:
    dialog = asked[0].get("dialog")
    who = f"the dialog {_quoted(dialog)}" if dialog else "it"
    return f"{who} asks for {_list(asked)}, and a job has nobody to answer"


def _advice(asked: Sequence[Question], open_ones: Sequence[Question]) -> str:
    if all(question.get("kind") == "wait" for question in asked):
        return WAITS
    snippet = json.dumps({"answers": answers_for(open_ones)}, ensure_ascii=False)[1:-1]
    return f"Write into the job file, for all jobs or in a group, as it fits: {snippet}."


def _lacks_input(asked: Sequence[Question], hints: Any) -> bool:
    has_place = any(question.get("kind") in ("folder", "file") for question in asked)
    return has_place and isinstance(hints, list) and "no_input" in hints


def _list(questions: Any) -> str:
    return ", ".join(_named(question) for question in questions)


def _named(question: Question) -> str:
    """A question in a sentence: its name, its kind, and what there is to choose from."""
    choices = question.get("choices") if question.get("kind") == "choice" else None
    kind = KINDS.get(str(question.get("kind")), "") + (f": {', '.join(map(str, choices))}" if choices else "")
    return f"{_quoted(question.get('name') or question.get('label'))} ({kind})"


def _quoted(text: Any) -> str:
    return json.dumps(str(text or ""), ensure_ascii=False)
