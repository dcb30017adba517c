"""The check that every test ends with sees what it should: calls of real workers, and what no role allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributed_fiji.janitor.policy import janitor_policy
from distributed_fiji.state.record import new_run
from tests.policy.calls import Call
from tests.policy.judging import ACCOUNT, Trail, Trails, refused
from tests.policy.test_grants import settings
from tests.policy.trail import SITE, acting, lay
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for trails of this test alone: what it provokes is not held against it."""
    lay(tmp_path / "trail")
    monkeypatch.setenv(SITE, str(tmp_path / "trail"))
    return tmp_path / "trail"


def test_a_worker_leaves_every_call_and_its_role_allows_them(run: Run, folder: Path) -> None:
    submit(run, [a_job(1)])
    worker = harness.start_worker(run)
    harness.wait_until_settled(run)
    worker.stop()

    (trail,) = Trails(folder).news()

    assert {"ReceiveMessage", "GetObject", "PutObject", "DeleteMessage"} <= {
        call.operation for call in trail.calls
    }
    assert refused(trail) == set()


def test_a_worker_that_is_sent_to_another_bucket_is_found_out(run: Run, folder: Path) -> None:
    run.cloud.s3.create_bucket(Bucket="foreign")
    run.cloud.s3.put_object(Bucket="foreign", Key="script.py", Body=b"print(1)")
    submit(run, [a_job(1)])
    worker = harness.start_worker(run, SCRIPT_DOWNLOAD_URL="s3://foreign/script.py")
    harness.wait_until_settled(run)
    worker.stop()

    found = {need.resource for trail in Trails(folder).news() for _, need in refused(trail)}

    assert found == {"arn:aws:s3:::foreign/script.py"}


def test_a_janitor_that_reaches_for_another_queue_is_found_out(folder: Path) -> None:
    record = new_run(settings(), started=1.0, run_id="t", local=False)
    policy = janitor_policy(record, ACCOUNT)
    who = {"role": "janitor", "APP_NAME": "Cells", "AWS_REGION": "us-east-1", "policies": [policy]}
    with acting.as_role(who):
        for queue in ("CellsQueue", "CellsQueue2"):
            url = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{queue}"
            acting.line(Call("sqs", "DeleteQueue", {"QueueUrl": url}, 200).__dict__)

    (trail,) = Trails(folder).news()

    assert [need.resource.rpartition(":")[2] for _, need in refused(trail)] == ["CellsQueue2"]


def test_a_trail_is_read_on_where_it_ended(folder: Path) -> None:
    trails = Trails(folder)
    path = folder / "1-1.jsonl"
    path.write_text('{"role": "worker"}\n{"service": "s3", "operation": "GetObject"}\n{"service": "s3", "op')
    assert [trail.calls for trail in trails.news()] == [(Call("s3", "GetObject"),)]
    with path.open("a") as file:
        file.write('eration": "PutObject"}\n')
    assert list(trails.news()) == [Trail({"role": "worker"}, (Call("s3", "PutObject"),))]
