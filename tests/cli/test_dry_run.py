"""--dry-run says what would be done, and does none of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import run
from distributed_fiji.commands.workload import find_script_hash
from distributed_fiji.jobs import parse_job_file
from tests.cli.conftest import APP, BUCKET, Account, Command, configure
from tests.commands import CHECKOUT
from tests.policy.test_grants import settings
from worker.contract.jobs import manifest_key

WELLS = [f"A{number}" for number in range(1, 7)]
JOBS = {"output_file_location": "out/{Well}", "groups": [{"Well": well} for well in WELLS]}
CHANGING = ("setup", "submitJob", "redrive", "startCluster", "monitor", "cleanup", "retry", "resubmit")


@pytest.fixture
def standing(account: Account, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Six jobs: two done, one of another script, one whose output is missing, two new; job ids by well."""
    s3, script = account.client("s3"), find_script_hash(settings(SCRIPT_DOWNLOAD_URL="script.ijm"), tmp_path)
    (tmp_path / "job.json").write_text(json.dumps(JOBS))
    ids = dict(zip(WELLS, parse_job_file(JOBS, "job.json").job_ids, strict=True))
    put: list[str] = []

    def done(well: str, *, of: str = script, there: bool = True) -> None:
        key = f"out/{well}/a.csv"
        outputs = [{"key": key, "bytes": 1}]
        job = {"Metadata": {"Well": well}, "output_file_location": f"out/{well}", "inputs": []}
        document = {"job_id": ids[well], "job": job, "script_sha256": of, "destination": BUCKET}
        document["outputs"] = outputs
        bodies: dict[str, Any] = {manifest_key(APP, ids[well]): json.dumps(document)}
        bodies |= {key: "1"} if there else {}
        for name, body in bodies.items():
            s3.put_object(Bucket=BUCKET, Key=name, Body=body.encode())
            put.append(name)

    done("A1")
    done("A2")
    done("A3", of="f" * 64)
    done("A4", there=False)
    yield ids
    for key in put:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("command", CHANGING)
def test_every_command_that_changes_something_can_be_asked_before(command: str) -> None:
    options = {option for parameter in run.main.commands[command].params for option in parameter.opts}

    assert {"--dry-run", "--json"} <= options


def test_the_jobs_of_a_file_are_counted_by_why_they_run(
    ready: Command, account: Account, standing: dict[str, str]
) -> None:
    before = account.everything()

    ended = ready("submitJob", "job.json", "--dry-run")

    assert ended.code == 0, ended.err
    first = ended.out.splitlines()[0]
    assert first == "6 jobs: 2 done already, 4 to run: 2 new, 1 script changed, 1 outputs gone"
    (sent,) = [line.split() for line in ended.out.splitlines() if line.startswith("send ")]
    assert sent == ["send", "sqs", "SendMessageBatch", f"{APP}Queue", "6"]
    assert account.settled(before) == before


def test_a_resubmission_counts_what_it_would_send(
    ready: Command, account: Account, standing: dict[str, str]
) -> None:
    before = account.everything()

    ended = ready("resubmit", "job.json", "--dry-run")

    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0] == "4 jobs to send, 2 left out that are done"
    (sent,) = [line.split() for line in ended.out.splitlines() if line.startswith("send ")]
    assert sent == ["send", "sqs", "SendMessageBatch", f"{APP}Queue", "4"]
    assert account.settled(before) == before


def test_one_job_is_explained_by_its_value_or_its_id(ready: Command, standing: dict[str, str]) -> None:
    by_value = ready("submitJob", "job.json", "--dry-run", "--why", "A4").out
    by_id = ready("submitJob", "job.json", "--dry-run", "--why", standing["A1"], "--json").out
    nobody = ready("submitJob", "job.json", "--dry-run", "--why", "H12")

    assert f"({standing['A4']}) runs: outputs gone, out/A4/a.csv is gone" in by_value
    assert f"({standing['A1']}) does not run: done already, 1 output there" in json.loads(by_id)["summary"][1]
    assert nobody.code == 2
    assert "H12" in nobody.err


def test_all_jobs_run_where_done_jobs_do(ready: Command, standing: dict[str, str], tmp_path: Path) -> None:
    configure(tmp_path, CHECK_IF_DONE_BOOL=False)

    first = ready("submitJob", "job.json", "--dry-run").out.splitlines()[0]

    assert first == "6 jobs: 0 done already, 6 to run: 6 CHECK_IF_DONE_BOOL = False"


def test_why_needs_a_dry_run(ready: Command) -> None:
    ended = ready("submitJob", "job.json", "--why", "A1")

    assert ended.code == 2
    assert "--dry-run" in ended.err


def test_setup_says_what_it_would_make(command: Command, account: Account, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME=f"{APP}New")
    before = account.everything()

    ended = command("setup", "--dry-run", "--json")

    plan = json.loads(ended.out)
    made = {(call["does"], call["operation"], call["name"]) for call in plan["calls"]}
    assert ended.code == 0
    assert {
        ("create", "CreateQueue", f"{APP}NewQueue"),
        ("create", "CreateCluster", f"{APP}New"),
        ("create", "CreateService", f"{APP}NewService"),
    } <= made
    assert f"queue {APP}NewQueue: created" in plan["summary"]
    assert account.settled(before) == before


def test_a_start_is_planned_to_its_fleet_and_leaves_no_file(ready: Command, account: Account) -> None:
    ready("submitJob", "job.json")
    before = account.everything()

    ended = ready("startCluster", "fleet.json", "--dry-run")

    assert ended.code == 0, ended.err
    calls = [line.split()[2] for line in ended.out.splitlines() if line.split()[1:2] == ["ec2"]]
    assert calls == ["CreateLaunchTemplate", "RequestSpotFleet"]
    assert "is running" not in ended.said and "Next:" not in ended.said
    assert account.settled(before) == before
    assert not (CHECKOUT / "files" / f"{APP}SpotFleetRequestId.json").exists()


def test_redrive_and_cleanup_only_say_it(ready: Command, account: Account) -> None:
    before = account.everything()

    dead, gone = ready("redrive", "--dry-run"), ready("cleanup", APP, "--dry-run", "--keep", "")

    assert (dead.code, gone.code) == (0, 0)
    assert "seen only when they are received" in dead.out
    deleted = {line.split()[2] for line in gone.out.splitlines() if line.startswith("delete ")}
    assert {"DeleteQueue", "DeleteService", "DeleteRole", "DeleteLogGroup"} <= deleted
    assert "Checked again" not in gone.said
    assert account.settled(before) == before
