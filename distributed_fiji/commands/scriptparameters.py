"""Which parameters a script declares by `#@`, and what of a job file's metadata does not fit them. Pure.

Reads as much of SciJava's syntax as is needed to warn; what is not understood is passed over.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.contract.images import OPEN_IMAGE
from worker.contract.questions import Question, misfits, names_question

#: `#@ Type (attributes) name`, anywhere in a script (SciJava, ParameterScriptProcessor).
DECLARATION = re.compile(
    r"^#@\s*(?:(?P<io>input|both|output)\s+)?(?P<type>[\w.<>\[\]]+)\s*"
    r"(?:\((?P<attributes>(?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*)\))?\s*(?P<name>[A-Za-z_]\w*)\s*;?\s*$",
    re.IGNORECASE | re.MULTILINE,
)

#: Types whose value only a job can give; services, images and the like come from FIJI.
VALUES = frozenset(
    {"string", "file", "file[]", "integer", "int", "long", "short", "byte", "float", "double", "number",
     "biginteger", "bigdecimal", "character", "char", "date"}
)  # fmt: skip

#: Parameters that the worker gives by itself.
OFFERED = frozenset({"input_dir", "output_dir"})

#: Names of texts that are folders, which the runner fills too.
FOLDER_TEXT = re.compile(
    r"(input|output)|(input|output|in|out|source|src|dest|destination|target|save|results?)"
    r"_?(dir|directory|folder|path)",
    re.IGNORECASE,
)

#: As alike must two names be for the question whether one was meant by the other.
ALIKE = 0.7


@dataclass(frozen=True)
class Parameter:
    """An input that a script declares. `is_required`: it has no default, and only a job can give it."""

    name: str
    is_required: bool


def declared_parameters(text: str) -> list[Parameter]:
    """Return the inputs that a script declares by `#@`, in their order."""
    found = []
    for match in DECLARATION.finditer(text):
        attributes = re.sub(r"\s", "", match["attributes"] or "").lower()
        is_output = (match["io"] or "").lower() == "output" or re.search(r"type=\w*\.?\"?output", attributes)
        if is_output or "visibility=message" in attributes:
            continue
        kind = match["type"].rpartition(".")[2].lower()
        has_default = re.search(r"(?:^|,)(?:value=|required=false)", attributes)
        # What a folder means the runner knows by its words, or names it (distributedfiji.ParameterPlace).
        is_folder = kind == "file" and re.search(r"style=[\"']?directory", attributes)
        is_place = is_folder or FOLDER_TEXT.fullmatch(match["name"])
        is_required = kind in VALUES and not has_default and not is_place and match["name"] not in OFFERED
        found.append(Parameter(match["name"], is_required))
    return found


def doubts(
    declared: Sequence[Parameter], shared: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return warnings about names that nearly fit, and about parameters that jobs do not give."""
    if not declared:
        return []
    given = Counter(name for group in groups for name in group) | Counter(dict.fromkeys(shared, len(groups)))
    names = {parameter.name for parameter in declared}
    free = {name for name in names if given[name] < len(groups)} - OFFERED
    warnings = []
    for name in (name for name in given if name not in names):
        meant = _nearest(name, free)
        if meant:
            warnings.append(f"the script declares no parameter {name!r}; did you mean {meant!r}?")
            free.discard(meant)
    for parameter in declared:
        missing = len(groups) - given[parameter.name]
        if parameter.is_required and parameter.name in free:
            jobs = (
                "no job sets it"
                if missing == len(groups)
                else f"{missing} of {len(groups)} jobs do not set it"
            )
            warnings.append(f"the script's parameter {parameter.name!r} has no default, and {jobs}")
    return warnings


def doubts_about_answers(
    answers: Sequence[tuple[str, Any]], declared: Sequence[Parameter], questions: Sequence[Question]
) -> list[str]:
    """Return a warning for each answer that nearly fits a question in the script's text, or does not fit it.

    What a script asks is known for sure only when it runs: an answer that fits nothing is not named.
    """
    known = {parameter.name for parameter in declared} | {"argument", OPEN_IMAGE}
    free = {question.label for question in questions if question.label}
    warnings = []
    for key, value in answers:
        asked = [question for question in questions if names_question(key, question.label)]
        if asked:
            warnings += misfits(asked[0], value)
        elif key not in known and (meant := _nearest(key, free | known)):
            warnings.append(f"the script does not ask {key!r}; did you mean {meant!r}?")
    return list(dict.fromkeys(warnings))


def _nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the candidate that a name was most likely meant to be, '' for none."""
    plain = {_plain(candidate): candidate for candidate in candidates}
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=ALIKE)
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
