"""What comes twice, late, again or as nonsense: duplicates, jobs done before, poison."""

from __future__ import annotations

import json

import pytest

from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import SPARE_RECEIVES, encode_message

GOOD = json.loads(encode_message(a_job(1)))

POISON = [
    "",
    "nonsense",
    "{",
    "[]",
    "null",
    "7",
    '"text"',
    "{}",
    json.dumps({**GOOD, "Metadata": None}),
    json.dumps({**GOOD, "Metadata": [1]}),
    json.dumps({**GOOD, "Metadata": {"a b": 1}}),
    json.dumps({**GOOD, "Metadata": {"a": {"deep": 1}}}),
    json.dumps({**GOOD, "Metadata": {"a": None}}),
    json.dumps({**GOOD, "Metadata": {"a": "\ud800"}}),
    json.dumps({**GOOD, "Metadata": {"a": "nul\0"}}),
    '{"Metadata": {"a": NaN}, "output_file_location": "x"}',
    json.dumps({**GOOD, "output_file_location": 7}),
    json.dumps({**GOOD, "output_file_location": "../up"}),
    json.dumps({**GOOD, "output_file_location": "s3://bucket/x"}),
    json.dumps({**GOOD, "inputs": "text"}),
    json.dumps({**GOOD, "inputs": ["a/../b"]}),
    json.dumps({**GOOD, "job_id": "0" * 16}),
    "[" * 50_000,
]


def work_off(run: Run, number: int = 1, **changes: object) -> list[harness.WorkerProcess]:
    workers = [harness.start_worker(run, **changes) for _ in range(number)]
    harness.wait_until_settled(run, 90)
    for worker in workers:
        assert worker.stop() == 0
    return workers


def outcomes(workers: list[harness.WorkerProcess]) -> list[str]:
    return sorted(line["outcome"] for worker in workers for line in worker.lines())


def test_poison_is_refused_with_a_reason_and_the_next_job_runs(run: Run) -> None:
    poison = [body for body in POISON if body]
    good = [a_job(number) for number in range(3)]
    submit(run, [*poison[:10], good[0], *poison[10:], *good[1:]])

    work_off(run)

    harness.check_done(run, good)
    assert sorted(harness.dead_letters(run)) == sorted(poison)
    records = harness.keys(run, f"distributed-fiji/{run.app_name}/failures/rejected-")
    assert len(records) == (run.retries + SPARE_RECEIVES) * len(set(poison))
    for key in records:
        record = harness.read_json(run, key)
        assert record
        assert record["class"] == "message is no job"
        assert record["message"] in poison


def test_a_message_delivered_twice_at_once_has_one_manifest_that_matches(run: Run) -> None:
    jobs = [a_job(number, sleep=0.3, content="random", files=3) for number in range(8)]
    submit(run, jobs, times=2)

    workers = work_off(run, 2)

    assert harness.check_settled(run, jobs) == []
    assert outcomes(workers).count("DONE") >= len(jobs)
    assert set(outcomes(workers)) <= {"DONE", "SKIPPED"}


def test_a_job_is_skipped_only_while_its_manifest_holds(run: Run) -> None:
    job = a_job(1, content="random")
    submit(run, [job])
    assert outcomes(work_off(run)) == ["DONE"]

    submit(run, [job])
    assert outcomes(work_off(run)) == ["SKIPPED"]

    run.cloud.s3.put_object(Bucket=run.bucket, Key="results/1/out0.bin", Body=b"changed")
    submit(run, [job])
    assert outcomes(work_off(run)) == ["DONE"]
    harness.check_done(run, [job])

    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.py", Body=b"# another script\n")
    submit(run, [job])
    assert outcomes(work_off(run)) == ["DONE"]
    harness.check_done(run, [job])


def test_without_the_check_a_job_runs_again_but_not_for_a_second_delivery(run: Run) -> None:
    job = a_job(1)
    submit(run, [job], times=2)
    assert outcomes(work_off(run, CHECK_IF_DONE_BOOL=False)) == ["DONE", "SKIPPED"]

    submit(run, [job])
    assert outcomes(work_off(run, CHECK_IF_DONE_BOOL=False)) == ["DONE"]
    harness.check_done(run, [job])


def test_a_message_of_the_original_works(run: Run) -> None:
    job = a_job(1)
    body = {"Metadata": job.metadata, "output_file_location": job.output_file_location, "shared_metadata": {}}
    submit(run, [json.dumps(body)])

    (worker,) = work_off(run, LOG_FORMAT="text")

    harness.check_done(run, [job])
    assert len([line for line in worker.text().splitlines() if f"({job.job_id}) attempt 1 DONE" in line]) == 1


@pytest.mark.parametrize("heading", ["HEARTBEAT_SECONDS", "SQS_QUEUE_URL"])
def test_a_wrong_environment_ends_the_worker_with_its_names(run: Run, heading: str) -> None:
    changes: dict[str, object] = (
        {"HEARTBEAT_SECONDS": 29} if heading == "HEARTBEAT_SECONDS" else {heading: None}
    )
    worker = harness.start_worker(run, **changes)

    assert worker.process.wait(20) == 2
    assert heading in worker.text()


def test_a_script_that_cannot_be_had_ends_the_worker_before_it_takes_a_job(run: Run) -> None:
    submit(run, [a_job(1)])
    worker = harness.start_worker(run, SCRIPT_SHA256="0" * 64)

    assert worker.process.wait(20) == 1

    assert "is not the one that setup found" in worker.text()
    assert harness.counts(run) == (1, 0)
