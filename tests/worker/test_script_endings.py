"""Each way of ending of a script, run by a real ImageJ and judged: verdict, sentence and line.

A dozen in every run, on ImageJ core; all of them on ImageJ core and the near-FIJIs in the long one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import nearfiji
from tests.imagej import Ran, finish
from tests.worker.endings import ENDINGS, FOLLOWED, SHOWN, Ending
from worker.contract.jobs import FailureClass, Outcome
from worker.contract.questions import find_questions
from worker.fiji import process as fiji_process
from worker.host.folders import RunFolder
from worker.storage import elsewhere
from worker.storage.outputs import find_outputs
from worker.verdict.ending import Ending as End
from worker.verdict.verdict import Expected, FijiRun, Verdict, judge, warnings_of

QUICK = [ending for ending in ENDINGS if ending.quick]


def name_of(ending: Ending) -> str:
    return f"{'followed-' if ending in FOLLOWED else ''}{ending.script}"


def run(fiji: str, folder: Path, ending: Ending, *, xvfb: bool = False) -> tuple[Ran, Verdict]:
    """Run a script as the worker does, in a folder such as the worker's; return what it left and is worth."""
    where = RunFolder(folder)
    for made in (where.output, where.input, where.job_file.parent, where.temporary):
        made.mkdir(parents=True)
    script = folder / ending.script
    script.write_text(ending.text, encoding="utf-8")
    questions = fiji_process.Questions(ending.answers, ending.unanswered, find_questions(ending.text))
    fiji_process.write_job_file(where, str(script), ending.given, ending.plugin_errors, questions)
    if xvfb:
        job = json.loads(where.job_file.read_text("utf-8"))
        where.job_file.write_text(json.dumps({**job, "dialog_seconds": 2}), encoding="utf-8")
    seen = elsewhere.look(where)
    flags = (f"-Xmx{ending.heap}m",)
    process = nearfiji.start(fiji, folder, where.job_file, *flags, work=where.work, xvfb=xvfb)
    ran = finish(process, folder)
    result = json.loads(where.result_file.read_text("utf-8")) if where.result_file.exists() else None
    tail = (ran.out + ran.err).splitlines()[-50:]
    done = FijiRun(
        End.BY_ITSELF, ran.code, 1.0, ending.heap, where.alive_file.exists(), result, [], tail,
        headless=not xvfb,
        is_core=fiji == "ImageJ core",
    )  # fmt: skip
    return ran, judge(
        done, find_outputs(where.output, [where.work]), Expected(1, 1, ""), elsewhere.written(where, seen)
    )


def check(fiji: str, folder: Path, ending: Ending, *, xvfb: bool = False) -> None:
    ran, verdict = run(fiji, folder, ending, xvfb=xvfb)
    told = f"{verdict}\n{ran}"
    assert verdict.failure == ending.failure, told
    assert verdict.outcome == (Outcome.FAILED if ending.failure else Outcome.DONE), told
    assert verdict.line == ending.line, told
    result = json.loads(RunFolder(folder).result_file.read_text("utf-8")) if not verdict.failure else None
    warnings = " ".join(warning["text"] for warning in warnings_of(result))
    for words in ending.says:
        assert words in (verdict.sentence if ending.failure else warnings), told
    assert verdict.sentence.count(f"in line {ending.line}") <= 1, told
    if not ending.says and not ending.failure:
        assert not warnings, told


@pytest.mark.parametrize("ending", QUICK, ids=name_of)
def test_a_script_ends_as_its_table_says(tmp_path: Path, ending: Ending) -> None:
    check("ImageJ core", tmp_path, ending)


@pytest.mark.thorough
@pytest.mark.parametrize("ending", ENDINGS, ids=name_of)
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_every_script_ends_so_in_every_fiji(tmp_path: Path, fiji: str, ending: Ending) -> None:
    check(fiji, tmp_path, ending)


@pytest.mark.parametrize("ending", [ending for ending in SHOWN if ending.quick], ids=name_of)
def test_a_window_that_nobody_can_close_is_read_and_named(tmp_path: Path, ending: Ending) -> None:
    check("ImageJ core", tmp_path, ending, xvfb=True)


@pytest.mark.thorough
@pytest.mark.parametrize("ending", SHOWN, ids=name_of)
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_every_window_is_read_and_named_in_every_fiji(tmp_path: Path, fiji: str, ending: Ending) -> None:
    check(fiji, tmp_path, ending, xvfb=True)


#: Where `…` stands for a file, only a person knows which.
WITH_ANSWERS = [
    ending
    for ending in ENDINGS
    if any(said.startswith('"answers": {') and "…" not in said for said in ending.says)
]


def answers_in(sentence: str) -> dict[str, Any]:
    """Return the answers that a sentence says to write into the job file."""
    _, _, rest = sentence.partition('"answers": ')
    found, _ = json.JSONDecoder().raw_decode(rest)
    assert isinstance(found, dict) and found, sentence
    return found


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(ending, marks=() if ending.quick else pytest.mark.thorough, id=name_of(ending))
        for ending in WITH_ANSWERS
    ],
)
def test_the_answers_that_a_sentence_says_to_write_are_taken(tmp_path: Path, ending: Ending) -> None:
    """Written into the job as they stand, they answer all that the script asks."""
    for folder in ("asked", "answered"):
        (tmp_path / folder).mkdir()
    _, before = run("ImageJ core", tmp_path / "asked", ending)
    given = replace(ending, answers={**ending.answers, **answers_in(before.sentence)})
    ran, after = run("ImageJ core", tmp_path / "answered", given)

    assert before.failure is FailureClass.NEEDS_ANSWER, before
    assert after.failure is not FailureClass.NEEDS_ANSWER, after
    result = json.loads(RunFolder(tmp_path / "answered").result_file.read_text("utf-8"))
    asked = [question for question in result["questions"] if question["met"]]
    assert asked and all(question["by"] for question in asked), ran
