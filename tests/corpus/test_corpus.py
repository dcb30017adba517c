"""Scripts as people wrote them: each ends with its tables, or fails with its cause named and is cured.

Every run has eighteen, headless on ImageJ core. The long one has the whole table, headless and under Xvfb, on
ImageJ core and near-FIJI.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import nearfiji
from tests.corpus import images
from tests.corpus.cases import CASES, SCRIPTS, Case, kept_as
from tests.corpus.constructs import CONSTRUCTS, LEAST_SHARE
from tests.corpus.expected import differences
from tests.imagej import finish
from tests.nearfiji import fiji_home
from worker.contract.display import find_need_of_display
from worker.contract.fijihome import describe
from worker.contract.jobs import Outcome
from worker.contract.questions import find_questions
from worker.contract.scripts import clean, ending_of
from worker.fiji import process as fiji_process
from worker.fiji.habits import find_habits
from worker.fiji.launcher import Launch, make_preferences, runner_command
from worker.fiji.process import Questions
from worker.host.folders import RunFolder
from worker.storage import elsewhere
from worker.storage.outputs import find_outputs
from worker.verdict.ending import Ending
from worker.verdict.verdict import Expected, FijiRun, Verdict, judge


def run(fiji: str, case: Case, text: str, root: Path, *, xvfb: bool) -> Verdict:
    """Run a script as the worker does, with its inputs, and COLLECT_ALL if it saves elsewhere; judge it."""
    folder = RunFolder(root)
    for made in (folder.output, folder.input, folder.job_file.parent, folder.temporary):
        made.mkdir(parents=True)
    for name in case.inputs:
        images.write(name, folder.input)
    cleaned = clean(text.encode(), ending_of(case.script)).text
    script = root / case.script
    script.write_text(cleaned, encoding="utf-8")
    questions = Questions(filled(case.answers, folder), "fail", find_questions(cleaned))
    collects = any(not name.startswith("output/") for name in case.files)
    habits = find_habits(cleaned, ending_of(case.script), keeps_tables=collects)
    fiji_process.write_job_file(
        folder, str(script), filled(case.given, folder), "fail", questions, case.paths, habits
    )
    job = json.loads(folder.job_file.read_text("utf-8"))
    folder.job_file.write_text(json.dumps({**job, "dialog_seconds": 5}), encoding="utf-8")
    seen = elsewhere.look(folder)
    done = ended(fiji, case, folder, xvfb=xvfb, leads=habits.backslashes)
    written = elsewhere.written(folder, seen)
    if collects:
        elsewhere.collect(folder, written)
    found = find_outputs(folder.output, [folder.work], collected=folder.collected)
    return judge(done, found, Expected(len(case.files), 1, ""), written)


def filled(values: Mapping[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Return values with the job's folders filled in."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(item) for item in value]
        if not isinstance(value, str):
            return value
        return value.replace("{input}", str(folder.input)).replace("{output}", str(folder.output))

    return {name: fill(value) for name, value in values.items()}


def ended(fiji: str, case: Case, folder: RunFolder, *, xvfb: bool, leads: bool = False) -> FijiRun:
    """Start a FIJI on the job, wait for its end, and return what is known about it."""
    home = describe(fiji_home(fiji), os.environ)
    assert home
    make_preferences(folder.preferences)
    launch = Launch(
        home,
        500,
        folder.temporary,
        folder.preferences,
        use_xvfb=xvfb,
        is_short=True,
        leads_paths=bool(case.paths) or leads,
    )
    process = nearfiji._start(runner_command(launch, str(folder.job_file)), folder.work)
    ran = finish(process, folder.root)
    result = json.loads(folder.result_file.read_text("utf-8")) if folder.result_file.exists() else None
    return FijiRun(
        Ending.BY_ITSELF,
        ran.code,
        1.0,
        500,
        folder.alive_file.exists(),
        result,
        [],
        (ran.out + ran.err).splitlines()[-50:],
        headless=not xvfb,
        is_core=fiji == "ImageJ core",
    )


def check(fiji: str, case: Case, folder: Path, *, xvfb: bool = False) -> None:
    verdict = run(fiji, case, case.text, folder / "run", xvfb=xvfb)
    if case.needs_display and not xvfb:
        failure, says = case.headless
        assert verdict.failure is failure and says in verdict.sentence, verdict
        return
    if case.failure is not None:
        assert (verdict.failure, verdict.outcome) == (case.failure, Outcome.FAILED), verdict
        assert case.says in verdict.sentence, verdict
        verdict = run(fiji, case, case.cured, folder / "cured", xvfb=xvfb)
    assert verdict.outcome is Outcome.DONE, verdict
    check_files(case, RunFolder(folder / ("cured" if case.failure else "run")).work)


def check_files(case: Case, work: Path) -> None:
    told = [
        line for name, wanted in case.files.items() if wanted for line in differences(work / name, wanted)
    ]
    told += [f"{name} is missing" for name in case.files if not (work / name).is_file()]
    assert not told, told


def name_of(case: Case) -> str:
    return case.script


@pytest.mark.parametrize("case", [case for case in CASES if case.quick], ids=name_of)
def test_a_script_runs_as_it_is(case: Case, tmp_path: Path) -> None:
    check("ImageJ core", case, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES, ids=name_of)
@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize("fiji", ["ImageJ core", "Fiji-new"])
def test_every_script_does_with_and_without_a_display(
    fiji: str, xvfb: bool, case: Case, tmp_path: Path
) -> None:
    check(fiji, case, tmp_path, xvfb=xvfb)


def test_the_table_is_whole() -> None:
    """Each script appears once, in all languages; docs/scripts.md has the numbers."""
    assert sorted(kept_as(case.script) for case in CASES) == sorted(path.name for path in SCRIPTS.iterdir())
    assert (len(CASES), sum(case.quick for case in CASES)) == (139, 18)
    assert sum(case.failure is not None for case in CASES) == 10
    assert sum(case.needs_display for case in CASES) == 9
    assert all(case.cure for case in CASES if case.failure)
    assert all(find_need_of_display(case.text) for case in CASES if case.needs_display)


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_what_people_write_stands_in_three_scripts_or_more(construct: str) -> None:
    found = [case.script for case in CASES if CONSTRUCTS[construct].search(case.text)]
    assert len(found) >= 3, found


def test_each_language_has_its_share() -> None:
    endings = Counter(ending_of(case.script) for case in CASES)
    assert endings.keys() == LEAST_SHARE.keys()
    for ending, least in LEAST_SHARE.items():
        assert endings[ending] >= least * len(CASES), ending


def test_nine_in_ten_are_to_be_done_unchanged() -> None:
    unchanged = sum(case.failure is None for case in CASES)
    assert unchanged >= 0.9 * len(CASES)
