"""Judge a run of FIJI: done, or failed with a class and a sentence that a biologist understands. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worker.contract.jobs import FailureClass, Outcome
from worker.host.activity import Usage
from worker.storage.outputs import Found, Output, counting
from worker.verdict import advice
from worker.verdict.ending import Ending
from worker.verdict.starting import why_not_started

KINDS = {
    "script_error": FailureClass.SCRIPT_ERROR,
    "macro_error": FailureClass.MACRO_ERROR,
    "out_of_memory": FailureClass.OUT_OF_MEMORY,
    "needs_display": FailureClass.NEEDS_DISPLAY,
    "parameter": FailureClass.SCRIPT_ERROR,
    "cancelled": FailureClass.SCRIPT_ERROR,
    "plugin_error": FailureClass.PLUGIN_ERROR,
    "question": FailureClass.NEEDS_ANSWER,
}

#: Signs of a cause in a failed run's console or in a runner's message, most specific first.
SIGNS = (
    (re.compile(r"No space left on device"), FailureClass.DISK_FULL),
    (
        re.compile(
            r"OutOfMemoryError|GC overhead limit|[Ii]nsufficient memory|Could not reserve enough space"
            r"|<Out of memory>"
        ),
        FailureClass.OUT_OF_MEMORY,
    ),
    (re.compile(r"HeadlessException|No X11 DISPLAY|X11 display"), FailureClass.NEEDS_DISPLAY),
    (re.compile(r"Could not create the Java Virtual Machine"), FailureClass.FIJI_DID_NOT_START),
    (re.compile(r"Macro Error"), FailureClass.MACRO_ERROR),
)

ADVICE = {
    FailureClass.NEEDS_DISPLAY: "The script opened a window or the ROI Manager, which needs a display.",
    FailureClass.DISK_FULL: "The machine's disk was full. Increase EBS_VOL_SIZE.",
    FailureClass.FIJI_DID_NOT_START: "FIJI did not start.",
}

NO_DISPLAY_YET = " Use overlays instead, or DISPLAY_MODE = 'xvfb' where xvfb-run is, as in the image."

DISPLAY_MODE = "DISPLAY_MODE = 'xvfb'"
SAID = "ImageJ said: "
#: Warnings about an error, as opposed to a default that was used.
THREW = re.compile(rf"^{SAID}| threw ")

#: What every FIJI prints at start-up, whatever the script does.
NOISE = re.compile(
    r"Cannot create plugin: |java\.util\.prefs|user preferences directory|Could not determine the IP address"
    r"|^WARNING: package \S+ not in |VM warning: Sharing is only supported"
    # What the runner itself prints (Questions.note, Parameters.warnOfUndeclared).
    r"|^Asked: |^Warning: the script declares no parameter"
    # The trace of Jython's sys.exit(), which means nothing.
    r"|^\s*at [\w.$/<>]+\(|^SystemExit|Traceback \(most recent|^\s+File \""
)

LINE = re.compile(r"\bline[: ]+(\d+)", re.IGNORECASE)
SIGKILL = -9


@dataclass(frozen=True)
class FijiRun:
    """What is known about a finished run. `result`: the runner's report, None if there is none."""

    ending: Ending
    exit_code: int
    seconds: float
    heap_mb: int
    alive: bool
    result: dict[str, Any] | None
    marks: Sequence[str]
    tail: Sequence[str]
    killed_for_memory: bool = False
    disk_full: bool = False
    usage: Usage | None = None
    headless: bool = True
    is_core: bool = False


@dataclass(frozen=True)
class Expected:
    """What a job's outputs must contain to count."""

    files: int
    least_bytes: int
    necessary: str


@dataclass(frozen=True)
class Verdict:
    """`failure` is None if the job is done."""

    outcome: Outcome
    failure: FailureClass | None = None
    sentence: str = ""
    line: int | None = None


DONE = Verdict(Outcome.DONE)


def judge(
    run: FijiRun,
    found: Found,
    expected: Expected,
    written_elsewhere: Sequence[str] = (),
) -> Verdict:
    """Return the verdict on a run: how FIJI ended first, then its outputs.

    `written_elsewhere`: files that the script wrote outside output/, named if outputs are missing.
    """
    verdict = _judge_run(run) or judge_refused(found.refused)
    if verdict:
        return verdict
    verdict = judge_outputs(found.outputs, expected)
    if verdict is None:
        return DONE
    at_hand = " ".join(_at_hand(run, written_elsewhere))
    return replace(verdict, sentence=f"{verdict.sentence} {at_hand}".strip())


def _at_hand(run: FijiRun, written_elsewhere: Sequence[str]) -> list[str]:
    """Return possible reasons for missing outputs, one sentence each."""
    told = []
    if written_elsewhere:
        names = ", ".join(written_elsewhere[:5]) + (" …" if len(written_elsewhere) > 5 else "")
        told.append(
            f"The script wrote {names} instead. Only files in output/ are kept, unless COLLECT_ALL = True."
        )
    tables = open_tables_of(run.result)
    if tables:
        told.append(
            f"The script left the table{'s' if len(tables) > 1 else ''} {', '.join(tables[:5])} open for a"
            " person to read: COLLECT_ALL = True keeps such tables as CSV files."
        )
    told += _warned_of(warnings_of(run.result))
    if "empty_argument" in ((run.result or {}).get("hints") or ()):
        told.append(advice.EMPTY_ARGUMENT)
    told += _inputs_of(run.result)
    last = next((line for line in reversed(run.tail) if line.strip() and not NOISE.search(line)), "")
    if last:
        told.append(f"The last line printed: {last.strip()[:200]!r}.")
    return told


def _inputs_of(result: Mapping[str, Any] | None) -> list[str]:
    """Return what there was to work on, as a sentence: the script may want other names."""
    told = (result or {}).get("input_files")
    files = [name for name in told if isinstance(name, str)] if isinstance(told, list) else []
    more = " …" if len(files) > 5 else ""
    return [f"input/ contains {', '.join(files[:5])}{more}."] if files else []


def _warned_of(warnings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the first error that the script ignored; without one, values that were made up or unused."""
    for warning in warnings:
        if warning.get("fails") or THREW.search(warning["text"]):
            where = f" in line {warning['line']}" if warning["line"] else ""
            return [f"What went wrong{where}: {warning['text'].rstrip('.')}."]
    return [
        warning["text"] if warning["text"].endswith("?") else f"{warning['text'].rstrip('.')}."
        for warning in warnings[:2]
    ]


def _judge_run(run: FijiRun) -> Verdict | None:
    """Return the failure of a run, or None if it ended well."""
    if run.ending is Ending.TIMED_OUT:
        return Verdict(
            Outcome.TIMED_OUT,
            FailureClass.TIMED_OUT,
            f"The script still ran after {_duration(run.seconds)} (JOB_TIMEOUT_MINUTES) and was ended."
            + (f" It had used {run.usage}." if run.usage else "")
            + _known_by_then(run),
        )
    if run.ending is Ending.STALLED:
        return Verdict(Outcome.STALLED, FailureClass.STALLED, _stalled(run) + _known_by_then(run))
    if run.disk_full:
        return _failed(FailureClass.DISK_FULL, ADVICE[FailureClass.DISK_FULL])
    if run.killed_for_memory:
        return _out_of_memory(run)
    if run.ending is Ending.NO_SIGN_OF_LIFE or not run.alive:
        return _did_not_start(run)
    if run.result is None:
        return _without_result(run)
    return None if run.result.get("ok") is True else _judge_result(run, run.result)


def _judge_result(run: FijiRun, result: Mapping[str, Any]) -> Verdict:
    """Return the failure that the runner reported."""
    told = advice.tell(result, headless=run.headless, is_core=run.is_core)
    failure = told.failure or _class_of(result)
    if failure in (FailureClass.SCRIPT_ERROR, FailureClass.MACRO_ERROR) and _lacked_display(run, result):
        failure = FailureClass.NEEDS_DISPLAY
    if failure is FailureClass.OUT_OF_MEMORY:
        return _out_of_memory(run)
    before = _before(run, result) if result.get("kind") != "plugin_error" else ""
    if before and advice.follows_from_another(told.what):
        told = replace(told, advice="")
    line = result.get("line") if isinstance(result.get("line"), int) else None
    where = f" in line {line}" if line else ""
    if failure is FailureClass.NEEDS_DISPLAY and not told.advice and DISPLAY_MODE not in before:
        more = NO_DISPLAY_YET if run.headless else ""
        sentence = f"{ADVICE[failure]}{more} ({told.what}{where}){'.' if before else ''}"
    elif failure is FailureClass.DISK_FULL:
        sentence = f"{ADVICE[failure]} ({told.what}{where})"
    else:
        sentence = f"{_subject(str(result.get('kind')), told.what, where)}. {told.advice}".strip()
    return _failed(failure, sentence + before, line)


def _class_of(result: Mapping[str, Any]) -> FailureClass:
    failure = KINDS.get(str(result.get("kind")), FailureClass.SCRIPT_ERROR)
    if failure not in (FailureClass.SCRIPT_ERROR, FailureClass.MACRO_ERROR, FailureClass.PLUGIN_ERROR):
        return failure
    trace = f"{result.get('message') or ''}\n{result.get('trace') or ''}"
    return _sign_in(trace, without=FailureClass.MACRO_ERROR) or failure


def _subject(kind: str, what: str, where: str) -> str:
    """Return what failed and how, without a full stop."""
    if kind == "parameter":
        return f"A parameter of the script is invalid: {what}"
    if kind != "plugin_error":
        return f"The {'macro' if kind == 'macro_error' else 'script'} failed{where}: {what}"
    if what.startswith(SAID):
        return f"ImageJ showed an error{where}, and the script continued: {what.removeprefix(SAID)}"
    who = "A thread" if what.startswith("The thread") else "A plugin"
    return f"{who} failed{where}, and the script continued: {what}"


def _before(run: FijiRun, result: Mapping[str, Any]) -> str:
    """Return earlier errors that the script ignored and that may explain its failure, with advice."""
    for warning in warnings_of(result):
        if THREW.search(warning["text"]):
            where = f" in line {warning['line']}" if warning["line"] else ""
            threw = {"kind": "warning", "message": warning["text"]}
            told = advice.tell(threw, headless=run.headless, is_core=run.is_core)
            return f" Before that{where}: {told.what}. {told.advice}".rstrip()
    return ""


def _lacked_display(run: FijiRun, result: Mapping[str, Any]) -> bool:
    """Whether a headless script failed after it could not get a window that it asked for."""
    threw = next((warning["text"] for warning in warnings_of(result) if THREW.search(warning["text"])), "")
    told = advice.tell({"kind": "warning", "message": threw}, headless=run.headless, is_core=run.is_core)
    is_sign = FailureClass.NEEDS_DISPLAY in (told.failure, _sign_in(threw))
    return run.headless and is_sign


def _known_by_then(run: FijiRun) -> str:
    """Return what the runner had reported about a script that was ended."""
    if not run.result or run.result.get("ok") is True:
        return ""
    return f" {_judge_result(run, run.result).sentence}"


def _without_result(run: FijiRun) -> Verdict:
    """Judge a FIJI that ended before its script did: a failure, whatever the exit code."""
    failure = _sign_in("\n".join([*run.marks, *run.tail])) or FailureClass.SCRIPT_ERROR
    if failure is FailureClass.OUT_OF_MEMORY:
        return _out_of_memory(run)
    first = next(iter(run.marks), "")
    said = f" It printed {first!r}." if first else ""
    found = LINE.search("\n".join(run.marks))
    line = int(found[1]) if found else None
    if failure in ADVICE:
        more = NO_DISPLAY_YET if run.headless and failure is FailureClass.NEEDS_DISPLAY else ""
        return _failed(failure, f"{ADVICE[failure]}{more}{said}", line)
    how = f"exit code {run.exit_code}"
    if run.exit_code < 0:
        how = f"ended from outside, or crashed by signal {-run.exit_code}"
    return _failed(
        failure,
        f"FIJI ended before the script did ({how}), so its result is unknown.{said}",
        line,
    )


def judge_refused(refused: Sequence[str]) -> Verdict | None:
    """Return the failure of a job whose outputs cannot all be uploaded, or None if they can."""
    if not refused:
        return None
    more = f"; and {len(refused) - 5} more" if len(refused) > 5 else ""
    return _failed(
        FailureClass.OUTPUTS_REFUSED,
        f"The script ended, but some of its outputs cannot be uploaded: {'; '.join(refused[:5])}{more}."
        " Let it write files, or links to files in its own folder.",
    )


def warnings_of(result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the runner's warnings: errors, and values it made up, that do not fail the job (text, line).

    `fails` is True if the warning fails the job unless PLUGIN_ERRORS is 'warn'; otherwise it is missing.
    """
    told = (result or {}).get("warnings")
    return [
        {
            "text": item["text"],
            "line": item["line"] if isinstance(item.get("line"), int) else None,
            **({"fails": True} if item.get("fails") is True else {}),
        }
        for item in (told if isinstance(told, list) else [])
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]


def open_tables_of(result: Mapping[str, Any] | None) -> list[str]:
    """Return the tables that a script left open, each with its rows, as `"Summary" (3 rows)`."""
    told = (result or {}).get("open_tables")
    return [
        f'"{item.get("title")}" ({item.get("rows")} row{"" if item.get("rows") == 1 else "s"})'
        for item in (told if isinstance(told, list) else [])
        if isinstance(item, dict)
    ]


def judge_outputs(outputs: Sequence[Output], expected: Expected) -> Verdict | None:
    """Return what is missing from a job's outputs, or None if they are complete."""
    good = counting(outputs, expected.least_bytes, expected.necessary)
    if len(good) >= expected.files:
        return None
    wanted = f"{expected.files} file{'s' if expected.files != 1 else ''}"
    if expected.least_bytes > 1:
        wanted += f" of {expected.least_bytes} bytes or more"
    if expected.necessary:
        wanted += f" with {expected.necessary!r} in the name"
    faults = [f"{output.name} {output.fault}" for output in outputs if output.fault]
    faults += [
        f"{output.name} has {output.size} bytes"
        for output in outputs
        if output.size < expected.least_bytes and not output.fault
    ]
    left = (
        f"left {len(good)}" if not outputs else f"left {len(outputs)} in output/, of which {len(good)} count"
    )
    detail = f" ({'; '.join(faults[:5])})" if faults else ""
    return _failed(
        FailureClass.OUTPUTS_MISSING, f"The script ended, but {left}; {wanted} expected in output/{detail}."
    )


def _failed(failure: FailureClass, sentence: str, line: int | None = None) -> Verdict:
    return Verdict(Outcome.FAILED, failure, sentence, line)


def _out_of_memory(run: FijiRun) -> Verdict:
    return _failed(
        FailureClass.OUT_OF_MEMORY,
        f"FIJI ran out of memory (its heap was {run.heap_mb} MB). Use smaller images or fewer at once,"
        " raise MEMORY, or lower TASKS_PER_MACHINE.",
    )


def _stalled(run: FijiRun) -> str:
    last = next((line for line in reversed(run.tail) if line.strip()), "")
    said = f" Its last line was {last!r}." if last else " It had printed nothing."
    idle = " and hardly used processor or disk" if run.usage else ""
    used = f" In all it had used {run.usage}." if run.usage else ""
    return (
        f"FIJI printed nothing{idle} for longer than STALL_TIMEOUT_MINUTES and was ended;"
        f" it may wait for a dialog that nobody can answer.{said}{used}"
    )


def _did_not_start(run: FijiRun) -> Verdict:
    said = "\n".join([*run.marks, *run.tail])
    if _sign_in(said) is FailureClass.OUT_OF_MEMORY:
        return _out_of_memory(run)
    why = why_not_started(run.marks, run.tail)
    return _failed(
        FailureClass.FIJI_DID_NOT_START,
        f"FIJI did not start within {_duration(run.seconds)} (exit code {run.exit_code}): {why}.".replace(
            "..", "."
        ),
    )


def _sign_in(text: str, without: FailureClass | None = None) -> FailureClass | None:
    return next((failure for sign, failure in SIGNS if failure is not without and sign.search(text)), None)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"
