"""What stands in the run's state: documents of the versions before are read, and what is none is refused."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from distributed_fiji.state.record import NoRecord, from_document, to_document
from distributed_fiji.state.submissions import submission_in
from tests.faults.broken import WRONG, broken_bodies
from worker.contract.jobids import packed, sorted_numbers
from worker.contract.jobs import Job, job_name
from worker.contract.state import Unreadable, read_object
from worker.records.records import job_document
from worker.records.validity import Today, difference_of_work, find_manifest, read_manifest
from worker.verdict.verdict import Expected

#: As 87a4778 wrote them.
SUBMISSION = {
    "submission_id": "20261125T120000Z-0a1b2c3d",
    "job_file": "job.json",
    "queue_created": "1795600000",
    "submitted_at": 1795600001.5,
    "job_ids": ["0123456789abcdef"],
    "output_location": "results/{Well}",
    "complete": True,
}
RECORD = {
    "MONITOR_FLEET_ID": "sfr-1",
    "MONITOR_APP_NAME": "Plate",
    "MONITOR_ECS_CLUSTER": "default",
    "MONITOR_QUEUE_NAME": "PlateQueue",
    "MONITOR_BUCKET_NAME": "bucket",
    "MONITOR_LOG_GROUP_NAME": "Plate",
    "MONITOR_START_TIME": "1795600000000",
    "CLEAN_DASHBOARD": "True",
    "region": "us-east-1",
    "local": False,
    "ready": True,
    "dead_letter_queue": "PlateDeadMessages",
    "service": "PlateService",
    "task_family": "PlateTask",
    "launch_template": "PlateLaunchTemplate",
    "machine_log_group": "Plate_perInstance",
    "destination_bucket": "bucket",
    "output_locations": ["results/{Well}"],
    "image": "user/fiji:1",
    "script": "script.ijm",
    "script_sha256": "",
    "machines": 1,
    "tasks_per_machine": 2,
    "machine_types": ["m5.large"],
    "machine_price": 0.1,
    "job_retries": 5,
    "visibility_seconds": 180,
    "dashboard": True,
    "auto_monitor": True,
    "client_token": "token",
}
JOB = Job({"Well": "A01"}, "results/A01")
MANIFEST: dict[str, Any] = {
    "job_id": JOB.job_id,
    "job": job_document(JOB),
    "destination": "bucket",
    "outputs": [{"key": "results/A01/a.csv", "bytes": 7, "etag": '"e"', "sha256": "0" * 64}],
    "app_name": "Plate",
    "script_url": "s3://bucket/script.ijm",
    "script_sha256": "f" * 64,
    "image": "",
    "worker_version": "1",
    "machine": {},
    "attempt": 1,
    "message_id": "m",
    "run_id": "r",
    "seconds": {"fiji": 1.0},
    "inputs": [{"key": "s3://bucket/A01.tif", "etag": '"i"', "bytes": 9}],
    "time": "2026-11-25T12:00:00.000+00:00",
    "time_seconds": 1795600100.25,
}
READERS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda document: submission_in(document, "Plate"),
    from_document,
    lambda document: read_manifest(document, "Plate"),
)
TODAY = Today("Plate", "f" * 64, "bucket", Expected(1, 1, ""))


def test_documents_of_the_version_before_are_read() -> None:
    assert list(submission_in(SUBMISSION, "Plate").job_ids) == ["0123456789abcdef"]
    assert not submission_in(SUBMISSION, "Plate").by_aws
    run = from_document(RECORD)
    assert (run.tasks_per_machine, run.started, run.run_id) == (2, 1795600000, "token")
    assert from_document(json.loads(json.dumps(to_document(run)))) == run
    assert RECORD.items() <= to_document(run).items()
    assert difference_of_work(read_manifest(MANIFEST, "Plate"), JOB, TODAY) == ""


def test_a_submission_has_its_jobs_packed_and_a_broken_pack_is_refused() -> None:
    ids = [f"{number:016x}" for number in (2**64 - 1, 0, 77)]
    text = packed(sorted_numbers(ids))

    assert len(text) == 32
    assert sorted(submission_in({**SUBMISSION, "job_ids": text}, "Plate").job_ids) == sorted(ids)
    for wrong in (text[:-1], text[4:], "µ" * 8, b64encode(bytes(16)).decode(), [ids[0], ids[1][1:]], {}):
        with pytest.raises(Unreadable, match="job_ids"):
            submission_in({**SUBMISSION, "job_ids": wrong}, "Plate")


def test_every_wrong_field_of_a_record_is_named_at_once() -> None:
    wrong = {
        **RECORD,
        "region": "here",
        "machines": "many",
        "MONITOR_ECS_CLUSTER": "a b",
        "MONITOR_START_TIME": "",
    }
    del wrong["service"]

    with pytest.raises(NoRecord) as caught:
        from_document(wrong)

    named = [problem.split()[0] for problem in caught.value.problems]
    assert sorted(named) == ["MONITOR_ECS_CLUSTER", "MONITOR_START_TIME", "machines", "region", "service"]


@pytest.mark.parametrize("body", broken_bodies())
def test_what_is_no_document_of_ours_is_refused_with_a_reason(body: bytes) -> None:
    for read in READERS:
        with pytest.raises(Unreadable, match=r"\w"):
            read(read_object(body))


@pytest.mark.parametrize("document", [SUBMISSION, RECORD, MANIFEST], ids=["submission", "record", "manifest"])
def test_a_field_of_the_wrong_kind_breaks_no_reader(document: dict[str, Any]) -> None:
    for name in document:
        for wrong in WRONG:
            changed = json.loads(json.dumps({**document, name: wrong}))
            for read in (
                lambda it: submission_in(it, "Plate"),
                from_document,
                lambda it: read_manifest(it, "Plate"),
            ):
                try:
                    read(changed)
                except Unreadable:
                    continue


def test_a_manifest_that_says_less_than_today_needs_does_not_hold() -> None:
    for name in ("job", "script_sha256", "destination", "outputs", "inputs", "job_id"):
        document = {key: value for key, value in MANIFEST.items() if key != name}
        assert find_manifest(document, "Plate") is None, name
    assert find_manifest({**MANIFEST, "app_name": "Another"}, "Plate") is None


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"Plate": "P1", "Well": "A02"}, "Plate=P1 Well=A02"),
        ({"Well": "A 02", "zoom": 2, "flat": True}, 'Well="A 02" zoom=2 flat=true'),
        ({"note": "two\nlines\x1b[2J"}, 'note="two\\nlines\\u001b[2J"'),
        ({"image": "s3://bucket/" + "folder/" * 20 + "A01.tif"}, "image=…"),
    ],
)
def test_jobs_are_named_by_their_metadata_on_one_plain_line(metadata: dict[str, Any], name: str) -> None:
    assert job_name(metadata).startswith(name)
    assert job_name(metadata).isprintable()
    assert len(job_name(metadata)) <= 160


def test_what_passed_by_a_setting_holds_while_that_setting_stands() -> None:
    asked = {"name": "Sigma", "by": "default", "met": True}
    answered = {"name": "n", "by": "answers", "met": True}
    not_met = {"name": "later", "by": "default", "met": False}
    threw = {"text": '"Image Sequence... " threw java.lang.Exception.', "line": 2, "fails": True}
    harmless = {"text": "no scale was set", "line": None}

    def said(today: Today = TODAY, **more: Any) -> str:
        return difference_of_work(read_manifest({**MANIFEST, **more}, "Plate"), JOB, today)

    lax = replace(TODAY, needs_answers=False, refuses_errors=False)
    assert said(questions=[answered, asked]) == "\"Sigma\" had no answer, and UNANSWERED is 'fail' now"
    assert said(warnings=[harmless, threw]) == (
        "\"Image Sequence... \" threw java.lang.Exception, and PLUGIN_ERRORS is 'fail' now"
    )
    assert said(questions=[answered, not_met], warnings=[harmless]) == ""
    assert said(lax, questions=[asked], warnings=[threw]) == ""
    for wrong in WRONG:
        assert find_manifest({**MANIFEST, "questions": [wrong]}, "Plate") is None or isinstance(wrong, dict)
