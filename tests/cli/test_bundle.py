"""`submitJob --bundle`, as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.names import role_name
from tests.cli.conftest import APP, BUCKET, Account, Command
from tests.cli.test_undo import job_file
from tests.emulators import set_faults
from worker.contract.bundles import bodies_in
from worker.contract.jobs import manifest_key

WELLS = [f"A{number}" for number in range(40)]


@pytest.fixture
def queue(account: Account, ready: Command, tmp_path: Path) -> Iterator[str]:
    job_file(tmp_path, "short.json", WELLS)
    url = account.client("sqs").get_queue_url(QueueName=f"{APP}Queue")["QueueUrl"]
    yield url
    account.client("sqs").purge_queue(QueueUrl=url)


@pytest.fixture
def quick_jobs(account: Account) -> Iterator[None]:
    """Manifests of jobs of three seconds."""
    s3, keys = account.client("s3"), [manifest_key(APP, f"{number:016x}") for number in range(5)]
    document = {"seconds": {"fiji": 3.0}, "inputs": [], "outputs": [{"bytes": 5}], "script_sha256": ""}
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
    yield
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


def waiting(account: Account, url: str) -> list[int]:
    """Return how many jobs each message has."""
    found = []
    while (
        messages := account.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        .get("Messages")
    ):
        found += [len(bodies_in(message["Body"])) for message in messages]
    return sorted(found)


def test_short_jobs_share_messages_and_every_number_is_one_of_jobs(
    account: Account, ready: Command, queue: str
) -> None:
    sent = ready("submitJob", "short.json", "--bundle", "15", "--yes")
    cost = ready("estimate", "--minutes-per-job", "1", "--json")

    assert (sent.code, sent.out) == (0, f"40 jobs sent to {queue}\n")
    assert json.loads(cost.out)["jobs"] == 40
    assert waiting(account, queue) == [10, 15, 15]


def test_auto_says_how_many_it_takes_and_why(
    account: Account, ready: Command, queue: str, quick_jobs: None
) -> None:
    planned = ready("submitJob", "short.json", "--bundle", "auto", "--dry-run")
    sent = ready("submitJob", "short.json", "--bundle", "auto", "--yes")

    assert (planned.code, sent.code) == (0, 0), planned.said + sent.said
    for said in (planned.out, sent.err):
        assert "there are 40, and each of" in said
    assert len(waiting(account, queue)) < 40


def test_auto_sends_each_job_alone_where_nothing_was_measured(
    account: Account, ready: Command, queue: str
) -> None:
    sent = ready("submitJob", "short.json", "--bundle", "auto", "--yes")

    assert "nothing is known about how long one takes" in sent.err
    assert waiting(account, queue) == [1] * 40


@pytest.mark.parametrize("wrong", ["0", "101", "many", "-3", "2.5", ""])
def test_what_is_no_size_of_a_bundle_is_refused_and_nothing_is_sent(
    account: Account, ready: Command, queue: str, wrong: str
) -> None:
    ended = ready("submitJob", "short.json", f"--bundle={wrong}")

    assert ended.code == 2
    assert f"{wrong!r} is neither auto nor a whole number from 1 to 100" in ended.err
    assert waiting(account, queue) == []


def test_a_role_of_an_earlier_version_is_named_before_a_bundle_is_sent(
    account: Account, ready: Command, queue: str
) -> None:
    iam, role = account.client("iam"), role_name(APP, "us-east-1", "task")
    policy = iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    of_before = json.dumps(policy).replace("sqs:SendMessage", "sqs:ReceiveMessage")
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=of_before)

    refused = ready("submitJob", "short.json", "--bundle=15", "--yes")
    alone = ready("submitJob", "short.json", "--yes")
    in_queue = waiting(account, queue)
    mended = ready("setup"), ready("submitJob", "short.json", "--bundle=15", "--yes")

    assert (refused.code, alone.code, [one.code for one in mended]) == (2, 0, [0, 0])
    assert f"the role {role} does not let workers send jobs on" in refused.err
    assert in_queue == [1] * 40
    assert waiting(account, queue) == [10, 15, 15]


def test_a_role_that_may_not_be_read_is_taken_to_be_right(
    account: Account, ready: Command, queue: str
) -> None:
    denied = {"code": "AccessDenied", "status": 403, "message": "not authorized to perform iam:GetRolePolicy"}
    set_faults(account.control, {"service": "iam", "operation": "GetRolePolicy", "error": denied})
    sent = ready("submitJob", "short.json", "--bundle=15", "--yes")
    set_faults(account.control)

    assert sent.code == 0, sent.err
    assert waiting(account, queue) == [10, 15, 15]
