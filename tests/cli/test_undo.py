"""A submission is taken back: only its jobs that are still waiting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.aws import queues
from distributed_fiji.state.submissions import read_submissions
from tests.cli.conftest import APP, BUCKET, Account, Command


def job_file(folder: Path, name: str, wells: list[str]) -> None:
    groups = [{"Well": well} for well in wells]
    (folder / name).write_text(json.dumps({"output_file_location": "out", "groups": groups}))


@pytest.fixture
def queue(account: Account, ready: Command) -> Any:
    url = account.client("sqs").get_queue_url(QueueName=f"{APP}Queue")["QueueUrl"]
    yield url
    account.client("sqs").purge_queue(QueueUrl=url)


def waiting(account: Account, url: str) -> list[str]:
    """Return the wells of the jobs in the queue, which stay there, hidden from the next receiver."""
    found = []
    while (
        messages := account.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
        .get("Messages")
    ):
        found += [json.loads(message["Body"])["Metadata"]["Well"] for message in messages]
    return sorted(found)


def test_undo_takes_back_the_files_latest_submission_and_leaves_others(
    account: Account, ready: Command, queue: str, tmp_path: Path
) -> None:
    wells = [f"A{number}" for number in range(25)]
    job_file(tmp_path, "mine.json", wells)
    job_file(tmp_path, "theirs.json", ["A1", "B1"])
    assert ready("submitJob", "mine.json").code == 0
    assert ready("submitJob", "theirs.json", "--yes").code == 0

    ended = ready("submitJob", "mine.json", "--undo")

    assert ended.code == 0, ended.said
    assert "Took back 25 jobs that were waiting. Running or finished: 0." in ended.out
    assert waiting(account, queue) == ["A1", "B1"]
    created = queues.read_attributes(account.client("sqs"), queue)["CreatedTimestamp"]
    files = [item.job_file for item in read_submissions(account.client("s3"), BUCKET, APP, created)]
    assert "theirs.json" in files
    assert "mine.json" not in files


def test_a_job_that_a_worker_holds_is_not_taken_back_and_must_still_end(
    account: Account, ready: Command, queue: str, tmp_path: Path
) -> None:
    job_file(tmp_path, "held.json", ["C1", "C2"])
    assert ready("submitJob", "held.json").code == 0
    [held] = account.client("sqs").receive_message(QueueUrl=queue, VisibilityTimeout=60)["Messages"]

    ended = ready("submitJob", "held.json", "--undo")

    assert "Took back 1 job that were waiting. Running or finished: 1." in ended.out
    created = queues.read_attributes(account.client("sqs"), queue)["CreatedTimestamp"]
    [left] = [
        item
        for item in read_submissions(account.client("s3"), BUCKET, APP, created)
        if item.job_file == "held.json"
    ]
    assert len(left.job_ids) == 1
    account.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=held["ReceiptHandle"])


def test_undo_and_replace_do_not_go_together(ready: Command, tmp_path: Path) -> None:
    job_file(tmp_path, "both.json", ["D1"])

    ended = ready("submitJob", "both.json", "--undo", "--replace")

    assert ended.code == 2
    assert "one or the other" in ended.err


def test_what_was_not_submitted_cannot_be_taken_back(ready: Command, queue: str, tmp_path: Path) -> None:
    job_file(tmp_path, "never.json", ["D1"])

    ended = ready("submitJob", "never.json", "--undo")

    assert ended.code == 2
    assert "never.json was not submitted to this queue" in ended.err
