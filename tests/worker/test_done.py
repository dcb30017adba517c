"""What done means: a job that was done is skipped while all that it was done from and with still holds.

Real workers on an emulator; each case is a run, a change, and the same job submitted again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.worker import harness
from tests.worker.harness import Run, a_job, manifest, submit
from worker.contract.jobs import WARNINGS, WITHOUT_OUTPUTS, Job, manifest_key, state_key

SETTINGS = {"EXPECTED_NUMBER_FILES": 1}


def again(run: Run, jobs: list[Job], **settings: object) -> list[tuple[str, str]]:
    """Submit jobs, work them off with a new worker; return outcome and notes of each line, in their order."""
    submit(run, jobs)
    worker = harness.start_worker(run, **{**SETTINGS, **settings})
    harness.wait_until_settled(run)
    assert worker.stop() == 0
    return [(line["outcome"], "; ".join(line.get("notes", []))) for line in worker.lines()]


def put(run: Run, key: str, text: str) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=text.encode())


def remove(run: Run, key: str) -> None:
    run.cloud.s3.delete_object(Bucket=run.bucket, Key=key)


def written(run: Run, job: Job) -> float:
    answer = run.cloud.s3.head_object(Bucket=run.bucket, Key=manifest_key(run.app_name, job.job_id))
    return float(answer["LastModified"].timestamp())


def rewrite(run: Run, job: Job, document: dict[str, Any]) -> None:
    """Put a manifest in place of a job's."""
    body = json.dumps(document).encode()
    run.cloud.s3.put_object(Bucket=run.bucket, Key=manifest_key(run.app_name, job.job_id), Body=body)


#: What changes between two runs of a job whose files are below `at`, and what the job's line says of it.
CHANGES: dict[str, tuple[Callable[[Run, str], None], str]] = {
    "an image is replaced under its key": (
        lambda run, at: put(run, f"{at}/plate/A01_1.tif", "another acquisition"),
        "input A01_1.tif changed",
    ),
    "a file comes that the pattern matches": (
        lambda run, at: put(run, f"{at}/plate/A01_3.tif", "a third field"),
        "input A01_3.tif is new",
    ),
    "a file of the pattern goes": (
        lambda run, at: remove(run, f"{at}/plate/A01_2.tif"),
        "input A01_2.tif is gone",
    ),
    "a file of a folder changes": (
        lambda run, at: put(run, f"{at}/flat/a.tif", "new"),
        "input a.tif changed",
    ),
    "a file comes into a folder": (
        lambda run, at: put(run, f"{at}/flat/sub/c.tif", "c"),
        "input c.tif is new",
    ),
    "an object that a parameter names changes": (
        lambda run, at: put(run, f"{at}/dark.tif", "darker"),
        "input dark.tif changed",
    ),
    "two things at once": (
        lambda run, at: [put(run, f"{at}/{name}", "new") for name in ("dark.tif", "plate/A01_1.tif")],
        "input dark.tif changed, and 1 more",
    ),
    "an output changes": (
        lambda run, at: put(run, f"{at}/results/out0.bin", "by hand"),
        "output out0.bin changed",
    ),
    "an output goes": (lambda run, at: remove(run, f"{at}/results/out0.bin"), "output out0.bin is gone"),
    "an image is uploaded once more": (lambda run, at: put(run, f"{at}/dark.tif", "a first file"), ""),
}


def a_job_with_inputs(run: Run, number: int) -> Job:
    """Put inputs of all kinds below `number`/, and return a job that reads them."""
    for name in ("plate/A01_1.tif", "plate/A01_2.tif", "flat/a.tif", "flat/sub/b.tif", "dark.tif"):
        put(run, f"{number}/{name}", "a first file")
    metadata = a_job(number, dark=f"s3://{run.bucket}/{number}/dark.tif").metadata
    shared = {"flat": f"s3://{run.bucket}/{number}/flat/"}
    return Job(metadata, f"{number}/results", shared, inputs=(f"{number}/plate/A01_*.tif",))


def test_a_job_runs_again_when_something_changed_and_is_skipped_after_that(run: Run) -> None:
    jobs = {what: a_job_with_inputs(run, number) for number, what in enumerate(CHANGES)}
    everything = list(jobs.values())
    again(run, everything)

    for number, what in enumerate(CHANGES):
        CHANGES[what][0](run, str(number))
    again(run, everything)

    harness.check_done(run, everything)
    for what, (_, said) in CHANGES.items():
        document = manifest(run, jobs[what])
        assert document, what
        assert document.get("runs_again", "") == said, what
    skipped = again(run, everything)
    assert skipped == [("SKIPPED", "")] * len(jobs)


def test_todays_expectations_hold_for_what_was_done_before(run: Run) -> None:
    job = a_job(1, files=2, bytes=100)
    names = {"EXPECTED_NUMBER_FILES": 2, "MIN_FILE_SIZE_BYTES": 100, "NECESSARY_STRING": "out"}
    assert again(run, [job]) == [("DONE", "")]
    assert again(run, [job], **names) == [("SKIPPED", "")]

    for raised in (
        {"EXPECTED_NUMBER_FILES": 3},
        {"MIN_FILE_SIZE_BYTES": 101},
        {"NECESSARY_STRING": "results"},
    ):
        ((outcome, note),) = again(run, [job], **{**names, **raised}, JOB_RETRIES=1)[:1]
        assert outcome == "FAILED", raised
        assert "are expected" in note


def test_a_table_that_did_not_count_when_it_was_made_does_not_count_later(run: Run) -> None:
    job = a_job(1, names="good.csv,bad.csv", content="Area\n1\n")
    assert again(run, [job]) == [("DONE", "")]
    document = manifest(run, job)
    assert document
    document["faults"] = {"bad.csv": "is an empty table"}
    rewrite(run, job, document)

    assert again(run, [job], EXPECTED_NUMBER_FILES=2) == [
        ("DONE", "runs again: 1 of its 2 outputs count by today's settings, 2 are expected")
    ]


def test_a_script_that_changed_and_changed_back_has_to_run_again(run: Run) -> None:
    job = a_job(1)
    assert again(run, [job]) == [("DONE", "")]
    put(run, "scripts/script.py", "# version 2")
    assert again(run, [job]) == [("DONE", "runs again: the script changed")]
    put(run, "scripts/script.py", "# a script for the stand-in\n")
    assert again(run, [job]) == [("DONE", "runs again: the script changed")]


def test_a_value_of_another_type_is_another_job(run: Run) -> None:
    text, number = a_job(1, location="results/text", zoom="0"), a_job(1, location="results/number", zoom=0)
    alike = Job(number.metadata, text.output_file_location)

    assert again(run, [text]) == [("DONE", "")]
    assert alike.job_id != text.job_id
    assert again(run, [number]) == [("DONE", "")]


@pytest.mark.parametrize(("counts", "outcome"), [(True, "DONE"), (False, "SKIPPED")])
def test_another_image_counts_as_the_setting_says(run: Run, counts: bool, outcome: str) -> None:
    job = a_job(1)
    first, second = ("user/fiji:1@sha256:" + letter * 64 for letter in "ab")
    again(run, [job], WORKER_IMAGE=first)

    assert again(run, [job], WORKER_IMAGE=first) == [("SKIPPED", "")]
    ((found, note),) = again(run, [job], WORKER_IMAGE=second, RERUN_ON_NEW_IMAGE=counts)
    assert (found, note) == (outcome, "runs again: the image changed" if counts else "")
    # A name alone is not known to be another image.
    assert again(run, [job], WORKER_IMAGE="user/fiji:2") == [("SKIPPED", "")]


def test_another_bucket_for_outputs_is_another_wish(run: Run) -> None:
    other = f"{run.bucket}-other"
    run.cloud.s3.create_bucket(Bucket=other)
    job = a_job(1)
    again(run, [job])

    ((outcome, note),) = again(run, [job], DESTINATION_BUCKET=other)

    assert (outcome, note) == ("DONE", f"runs again: its outputs are in {run.bucket}, not in {other}")


def test_a_skipped_job_says_by_its_manifest_when_that_was(run: Run) -> None:
    job = a_job(1)
    again(run, [job])
    before = manifest(run, job)
    time.sleep(1.1)  # S3 tells times in whole seconds
    submitted = time.time()

    assert again(run, [job]) == [("SKIPPED", "")]

    assert written(run, job) >= int(submitted)
    after = manifest(run, job)
    assert after and before
    assert {name: after[name] for name in before} == before


def test_outputs_that_a_run_does_not_write_any_more_are_named(run: Run) -> None:
    job = a_job(1, names="table.csv,old.csv,older.csv", content="Area\n1\n")
    again(run, [job])
    document = manifest(run, job)
    assert document
    # As if an earlier script had written more: what the stand-in writes is the job's wish, and that stays.
    for number in range(5):
        put(run, f"results/1/gone{number}.csv", "Area\n1\n")
    listed = {entry["key"]: entry for entry in document["outputs"]}
    for number in range(5):
        listed[f"results/1/gone{number}.csv"] = {
            **document["outputs"][0],
            "key": f"results/1/gone{number}.csv",
        }
    document["outputs"] = list(listed.values())
    document["script_sha256"] = "0" * 64
    rewrite(run, job, document)
    remove(run, "results/1/gone4.csv")

    ((outcome, note),) = again(run, [job])

    assert outcome == "DONE"
    assert "results/1/gone0.csv, results/1/gone1.csv, results/1/gone2.csv and 1 more" in note
    after = manifest(run, job)
    assert after
    assert after["left_from_before"] == [f"results/1/gone{number}.csv" for number in range(4)]
    assert "results/1/gone0.csv" in harness.keys(run, "results/")


def test_manifests_of_the_versions_before_are_read(run: Run) -> None:
    job = a_job(1)
    again(run, [job])
    document = manifest(run, job)
    assert document
    for name in ("image", "app_name", "attempt", "versions", "seconds"):
        document.pop(name, None)
    rewrite(run, job, document)

    assert again(run, [job]) == [("SKIPPED", "")]


def marked(run: Run, kind: str) -> dict[str, str]:
    """Return what the markers of a kind say, by job id; those that are over are left out."""
    prefix = state_key(run.app_name, kind, "")
    found = {key.removeprefix(prefix): harness.content(run, key) for key in harness.keys(run, prefix)}
    return {name.removesuffix(".json"): body.decode() for name, body in found.items() if body}


def test_what_was_done_with_warnings_or_without_outputs_is_marked_and_the_marks_go(run: Run) -> None:
    plain = a_job(1)
    warned = a_job(2, warn="no scale was set|2 images stayed open", warn_once=str(run.folder / "warned"))
    empty = a_job(3, files=0)
    jobs = [plain, warned, empty]

    lines = again(run, jobs, EXPECTED_NUMBER_FILES=0)
    assert [outcome for outcome, _ in lines] == ["DONE"] * 3
    assert marked(run, WARNINGS).keys() == {warned.job_id}
    assert "no scale was set" in marked(run, WARNINGS)[warned.job_id]
    assert marked(run, WITHOUT_OUTPUTS).keys() == {empty.job_id}
    documents = {job.job_id: manifest(run, job) or {} for job in jobs}
    assert [warning["text"] for warning in documents[warned.job_id]["warnings"]] == [
        "no scale was set",
        "2 images stayed open",
    ]
    assert [documents[job.job_id]["without_outputs"] for job in jobs] == [False, False, True]
    assert "DONE with 2 warnings" in work_off_as_text(run, a_job(4, warn="a|b"))

    assert again(run, jobs, EXPECTED_NUMBER_FILES=0) == [("SKIPPED", "")] * 3
    assert marked(run, WARNINGS).keys() >= {warned.job_id}
    put(run, "scripts/script.py", "# version 2")
    again(run, [warned], EXPECTED_NUMBER_FILES=0)
    assert warned.job_id not in marked(run, WARNINGS)


def work_off_as_text(run: Run, job: Job) -> str:
    """Work off a job and return the worker's log as people read it."""
    submit(run, [job])
    worker = harness.start_worker(run, LOG_FORMAT="text")
    harness.wait_until_settled(run)
    worker.stop()
    return worker.text()
