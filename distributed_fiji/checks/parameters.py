"""Whether jobs' values fit what their script declares with `#@` and asks in dialogs. Pure.

Values are judged as by the runner (distributedfiji.Values), so what stops here would fail there.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from distributed_fiji.checks.headers import TYPES, WHOLE, Parameter, read_headers
from distributed_fiji.findings import Finding, doubts, stops
from distributed_fiji.settings import Settings
from worker.contract.images import OPEN_IMAGE
from worker.contract.questions import (
    BOOLEAN,
    CHOICE,
    NUMBER,
    TEXT,
    Question,
    answers_for,
    misfits,
    names_question,
)

#: Types whose value only a job can give. The runner finds files itself if there is only one.
VALUES = frozenset(
    {*WHOLE, "float", "double", "char", "String", "BigInteger", "BigDecimal", "Number", "Date"}
)
FILES = frozenset({"File", "File[]"})

#: Parameters that the worker provides.
OFFERED = frozenset({"input_dir", "output_dir"})

#: Names of text parameters that are folders, which the runner fills too.
FOLDER_TEXT = re.compile(
    r"(input|output)|(input|output|in|out|source|src|dest|destination|target|save|results?)"
    r"_?(dir|directory|folder|path)",
    re.IGNORECASE,
)

#: How similar two names must be to ask whether one was meant by the other.
ALIKE = 0.7

DECIMAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
DOUBLE = re.compile(rf"{DECIMAL.pattern}[fFdD]?|[-+]?(?:NaN|Infinity)")
TRUTHS = frozenset({"true", "false", "1", "0"})

#: How many values' judgements are remembered.
JUDGED = 10_000


def declared_parameters(text: str) -> list[Parameter]:
    """Return the inputs that a script declares with `#@`, in order."""
    return read_headers(text).parameters


def header_findings(text: str) -> list[Finding]:
    """Return which `#@` lines SciJava cannot read: it refuses the script, or leaves the parameter out."""
    parameters, broken = read_headers(text)
    lines = [f"line {number}: SciJava cannot read the attributes: {why}" for number, why in broken]
    spelt = {name.casefold(): name for name in reversed(TYPES)}
    lines += [
        f"parameter {one.name!r}: SciJava knows no type {one.written!r}; write"
        f" {spelt[one.written.casefold()]!r}"
        for one in parameters
        if not one.type and one.written.casefold() in spelt
    ]
    return stops("header", lines)


def parameter_findings(
    declared: Sequence[Parameter], shared: Mapping[str, Any], groups: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Finding]:
    """Return names that nearly match, parameters that jobs leave out, and values that do not fit.

    `groups`: each group with what it is called; gone through once.
    """
    if not declared:
        return []
    judged = {parameter.name: Misfits(parameter) for parameter in declared}
    given, jobs = Counter[str](), 0
    for called, group in groups:
        jobs += 1
        for name, value in group.items():
            given[name] += 1
            if name in judged:
                judged[name].add(called, value)
    in_groups = Counter(given)
    given.update(dict.fromkeys(shared, jobs))
    free = {name for name in judged if given[name] < jobs} - OFFERED
    found = list[Finding]()
    for name in (name for name in given if name not in judged):
        if meant := _nearest(name, free):
            line = f"the script declares no parameter {name!r}; did you mean {meant!r}?"
            found += doubts("parameter-unknown", [line])
    for parameter in declared:
        if missing := jobs - given[parameter.name]:
            found += _missing(parameter, missing, jobs)
        if parameter.name in shared and in_groups[parameter.name] < jobs:
            judged[parameter.name].add("shared_metadata", shared[parameter.name])
        found += judged[parameter.name].findings()
    return found


def _missing(parameter: Parameter, missing: int, jobs: int) -> list[Finding]:
    """Report that jobs leave out a parameter that nothing else fills (distributedfiji.Parameters)."""
    is_place = parameter.style == "directory" or FOLDER_TEXT.fullmatch(parameter.name)
    is_filled = parameter.default is not None or parameter.choices or is_place or parameter.name in OFFERED
    if is_filled or not parameter.required or parameter.is_message or parameter.unsure:
        return []
    if parameter.type not in VALUES | FILES:
        return []
    which = "no job sets it" if missing == jobs else f"{missing} of {jobs} jobs do not set it"
    line = f"the script's parameter {parameter.name!r} has no default, and {which}"
    say = doubts if parameter.type in FILES else stops
    return say("parameter-missing", [line])


class Misfits:
    """What is wrong with the values that a parameter is given: by kind, the first one and how many."""

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter
        self._judge = lru_cache(JUDGED)(lambda _kind, value: misfit(parameter, value))
        self._wrong: dict[str, tuple[str, int]] = {}

    def add(self, called: str, value: Any) -> None:
        """Judge a value. `called`: the name of the group that it is in."""
        if self._parameter.unsure or not self._parameter.type:
            return
        is_list = isinstance(value, list)
        kind, why = misfit(self._parameter, value) if is_list else self._judge(type(value).__name__, value)
        if kind:
            first, count = self._wrong.get(kind, (f"{called}.{self._parameter.name} {why}", 0))
            self._wrong[kind] = first, count + 1

    def findings(self) -> Iterator[Finding]:
        """Yield one finding per kind."""
        for kind, (first, count) in self._wrong.items():
            also = f" (and {count - 1} more like this)" if count > 1 else ""
            say: Callable[[str, Iterable[str]], list[Finding]] = (
                stops if kind == "parameter-value" else doubts
            )
            yield from say(kind, [f"{first}{also}"])


def misfit(parameter: Parameter, value: Any) -> tuple[str, str]:
    """Return the kind of finding for a value, and why; '' if it fits."""
    fitted = _fitted(parameter.type, value)
    shown = f"= {value!r:.100}"
    if fitted is None:
        return "parameter-value", f"{shown} is no {parameter.written}"
    if parameter.choices and fitted not in parameter.choices:
        listed = ", ".join(map(repr, parameter.choices))
        return "parameter-value", f"{shown} is not one of the parameter's choices {listed}"
    low, high = parameter.minimum, parameter.maximum
    if not isinstance(fitted, (int, float)) or isinstance(fitted, bool):
        return "", ""
    if (low is not None and fitted < low) or (high is not None and fitted > high):
        bounds = f"{'…' if low is None else low} to {'…' if high is None else high}"
        return "parameter-range", f"{shown} is outside {bounds}, which headless FIJI does not check"
    return "", ""


def _fitted(kind: str, value: Any) -> Any:
    """Return a value as the runner gives it to the script; None if it cannot, the same value if unsure."""
    if value is None:
        return None
    if isinstance(value, list):
        return None if kind in VALUES - {"String"} or kind in ("boolean", "File") else value
    text = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if kind in WHOLE or kind == "BigInteger":
        return None if isinstance(value, bool) else _whole(kind, text)
    if kind in ("float", "double"):
        return float(text.rstrip("fFdD")) if DOUBLE.fullmatch(text) and not isinstance(value, bool) else None
    if kind in ("BigDecimal", "Number"):
        return float(text) if DECIMAL.fullmatch(text) and not isinstance(value, bool) else None
    if kind == "boolean":
        return text.lower() in ("true", "1") if text.lower() in TRUTHS else None
    if kind == "char":
        return str(value) if len(str(value)) == 1 else None
    return str(value) if kind == "String" else value


def _whole(kind: str, text: str) -> int | None:
    if not DECIMAL.fullmatch(text) or not float(text).is_integer():
        return None
    number = int(text) if text.lstrip("+-").isdecimal() else int(float(text))
    bits = WHOLE.get(kind)
    return number if bits is None or -(1 << bits - 1) <= number < 1 << bits - 1 else None


def answer_findings(
    answers: Sequence[tuple[str, Any]], declared: Sequence[Parameter], questions: Sequence[Question]
) -> list[Finding]:
    """Return a warning for each answer that nearly matches a question in the script, or does not fit it.

    What a script asks is known for certain only when it runs, so answers that match nothing are not reported.
    """
    known = {parameter.name for parameter in declared} | {"argument", OPEN_IMAGE}
    free = {question.label for question in questions if question.label}
    lines = []
    for key, value in answers:
        asked = [question for question in questions if names_question(key, question.label)]
        if asked:
            lines += misfits(asked[0], value)
        elif key not in known and (meant := _nearest(key, free | known)):
            lines.append(f"the script does not ask {key!r}; did you mean {meant!r}?")
    return doubts("answer", dict.fromkeys(lines))


def unanswered_findings(
    settings: Settings, names: Collection[str], questions: Sequence[Question]
) -> list[Finding]:
    """Return a warning about questions in the script's text that no job answers.

    `names`: of all values given.

    Folders and files are left to the runner and, with UNANSWERED = 'defaults', everything that a dialog
    shows.
    """
    open_ones = [
        question
        for question in questions
        if question.kind in (NUMBER, TEXT, BOOLEAN, CHOICE)
        and not any(names_question(name, question.label) for name in names)
    ]
    if not open_ones or settings.UNANSWERED == "defaults":
        return []
    first, more = open_ones[0], len(open_ones) - 1
    also = f", and {more} more questions" if more > 1 else ", and one more question" if more else ""
    example = json.dumps({"answers": answers_for([one.document() for one in open_ones])}, ensure_ascii=False)
    return doubts(
        "answer",
        [f"line {first.line}: the script asks {first.label!r}{also}, and no job answers it: {example}"],
    )


def _nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the candidate that a name was most likely meant to be, '' if there is none."""
    plain = {_plain(candidate): candidate for candidate in candidates}
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=ALIKE)
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
