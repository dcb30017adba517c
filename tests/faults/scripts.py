"""R11: scripts that fail although FIJI exits with 0, and noisy ones that succeed, in a real ImageJ."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish, side_by_side
from tests.faults.report import Report
from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

FOLDER = Path(__file__).parent / "misleading"
LANGUAGES = ("ijm", "py", "groovy")

#: The scripts' behaviors: ways to fail, each with the class that is recorded, and ways to succeed.
FAILING = {
    "ijm": {
        "undefined": "macro error",
        "unknown_function": "macro error",
        "unknown_command": "macro error",
        "no_image": "macro error",
        "missing_file": "macro error",
        "message": "macro error",
        "nothing": "outputs missing or too small",
        "empty": "outputs missing or too small",
    },
    "py": {
        "raise": "script error",
        "division": "script error",
        "import": "script error",
        "java": "script error",
        "display": "needs a display",
        "memory": "out of memory",
        "leave": "outputs missing or too small",
        "nothing": "outputs missing or too small",
        "empty": "outputs missing or too small",
    },
    "groovy": {
        "throw": "script error",
        "assert": "script error",
        "property": "script error",
        "display": "needs a display",
        "memory": "out of memory",
        "leave": "outputs missing or too small",
        "nothing": "outputs missing or too small",
        "empty": "outputs missing or too small",
    },
}
#: `errors` prints what looks like FIJI's own error marks.
SUCCEEDING = ("quiet", "chatter", "threads", "many_lines", "errors")


@dataclass(frozen=True)
class Case:
    """One job: how its script behaves, and the class of its failure ("" for success)."""

    mode: str
    expected: str


def cases(language: str) -> Iterator[tuple[Case, Case]]:
    """Yield endless pairs of a case that fails and one that succeeds."""
    failing = itertools.cycle(Case(mode, expected) for mode, expected in FAILING[language].items())
    succeeding = itertools.cycle(Case(mode, "") for mode in SUCCEEDING)
    yield from zip(failing, succeeding, strict=False)


def misleading_scripts(ground: Ground, *, pairs: int, languages: int = 3) -> Report:
    """Every verdict is right, whatever exit code and console suggest."""
    report = Report()
    chosen = LANGUAGES[:languages]
    shares = [pairs // len(chosen) + (number < pairs % len(chosen)) for number in range(len(chosen))]
    work = list(zip(chosen, shares, strict=True))

    def lane(number: int) -> None:
        for language, share in work[number::2]:
            _run_scripts(ground, language, share, report)

    side_by_side(functools.partial(lane, number) for number in range(2))
    return report


def _run_scripts(ground: Ground, language: str, share: int, report: Report) -> None:
    with ground.run(language, retries=1) as run:
        script = (FOLDER / f"script.{language}").read_bytes()
        run.cloud.s3.put_object(Bucket=run.bucket, Key=f"scripts/s.{language}", Body=script)
        chosen = [case for pair in itertools.islice(cases(language), share) for case in pair]
        jobs = [a_job(number, mode=case.mode) for number, case in enumerate(chosen)]
        submit(run, jobs)
        harness.start_worker(
            run,
            FIJI_HOME=imagej_core(),
            SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.{language}",
            MEMORY=1024,
        )
        finish(run, 60 + 10 * len(jobs))
        for job, case in zip(jobs, chosen, strict=True):
            report.injected["that fail" if case.expected else "that succeed"] += 1
            _check(run, job, case, f"{language}, {case.mode}", report)
        audit(run, jobs, report)


def _check(run: Run, job: harness.Job, case: Case, where: str, report: Report) -> None:
    found = {record["class"] for record in harness.failures(run, job.job_id)}
    done = harness.manifest(run, job) is not None
    expected = {case.expected}
    right = (
        (done and not found) if not case.expected else (not done and len(found) == 1 and found <= expected)
    )
    report.outcomes["wrong verdicts"] += not right
    report.expect(right, f"{where}: done {done}, recorded as {found}, expected {case.expected or 'success'}")
