"""`estimate`, and what startCluster shows and asks before it requests machines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.state.rehearsal import Law, Rehearsal, RehearsedJob, rehearsal_path, write_rehearsal
from tests.cli.conftest import APP, BUCKET, Account, Command, configure
from tests.commands import CHECKOUT
from tests.emulators import set_faults
from worker.contract.jobs import manifest_key

FILES = CHECKOUT / "files"
RECORD = FILES / f"{APP}SpotFleetRequestId.json"
HOUR = 3600.0


@pytest.fixture
def rehearsed() -> Iterator[Path]:
    """A rehearsal in which a job took an hour."""
    path = rehearsal_path(FILES, APP)
    jobs = (RehearsedJob("0" * 16, 10, {"fiji": HOUR}, 100, 1_000_000, 2),)
    law = Law(base=HOUR, low=0.9, high=1.2)
    write_rehearsal(path, Rehearsal(APP, "job.json", "", time.time(), "m5.large", 1, 10, law, jobs))
    yield path
    path.unlink()


@pytest.fixture
def earlier_runs(account: Account) -> Iterator[None]:
    """Manifests of ten jobs, each of half an hour."""
    s3 = account.client("s3")
    document = {"seconds": {"inputs": 4.0, "fiji": HOUR / 2, "upload": 5.0}, "inputs": [{}, {}],
                "outputs": [{"bytes": 500}], "script_sha256": "of another"}  # fmt: skip
    keys = [manifest_key(APP, f"{number:016x}") for number in range(10)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
    yield
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_guess_is_called_a_guess_and_every_source_is_named_with_its_age(command: Command) -> None:
    ended = command("estimate", "job.json", "fleet.json", "--minutes-per-job", "90")

    assert ended.code == 0
    assert "m5.large" in ended.out
    for words in ("90 minutes, as you say, a guess", "EC2's history of 30 days, read now",
                  "AWS's price list of 2026-07-20", "Spot Instance Advisor of 2025-06-28",
                  "Storage of the outputs is not counted"):  # fmt: skip
        assert words in ended.out
    # The fleet's type, and the three best others of its size.
    types = [line.split()[0] for line in ended.out.splitlines() if ".large " in line and "jobs" not in line]
    assert types[0] == "m5.large"
    assert len(types) == 4


def test_a_rehearsal_counts_before_earlier_runs_and_they_before_nothing(
    command: Command, rehearsed: Path, earlier_runs: None
) -> None:
    first = json.loads(command("estimate", "job.json", "--json").out)
    rehearsed.rename(rehearsed.with_suffix(".away"))
    second = json.loads(command("estimate", "job.json", "--json").out)
    rehearsed.with_suffix(".away").rename(rehearsed)

    assert first["seconds_per_job"] == [HOUR * 0.9, HOUR, HOUR * 1.2]
    assert not first["guess"]
    assert first["sources"][0] == "seconds per job: a rehearsal of 1 jobs on m5.large"
    assert second["seconds_per_job"] == [HOUR / 4, HOUR / 2, HOUR]
    assert second["guess"]
    assert second["sources"][0] == "seconds per job: 10 jobs of earlier runs with another script, a guess"
    items = first["rows"][0]["items"]
    assert items["storage, one month"][1] == pytest.approx(1_000_000 / 1e9 * 0.023, abs=1e-6)


def test_without_anything_measured_nothing_is_estimated(command: Command) -> None:
    ended = command("estimate", "job.json")

    assert ended.code == 2
    assert "--minutes-per-job" in ended.err and "rehearse" in ended.err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "1e9", "x"])
def test_minutes_that_are_none_are_refused(command: Command, minutes: str) -> None:
    ended = command("estimate", "job.json", "--minutes-per-job", minutes)

    assert ended.code == 2
    assert ended.out == ""


def test_an_empty_queue_has_nothing_to_estimate(ready: Command) -> None:
    ended = ready("estimate", "--minutes-per-job", "2")

    assert ended.code == 2
    assert "is empty" in ended.err


def test_a_run_above_its_limit_is_not_started(
    ready: Command, rehearsed: Path, tmp_path: Path, account: Account
) -> None:
    ready("submitJob", "job.json")
    configure(tmp_path, MAX_COST=0.001)
    before = account.everything()

    ended = ready("startCluster", "fleet.json", "--yes")

    assert ended.code == 2
    assert "MAX_COST = 0.001, but the machines are likely to cost $0.0" in ended.err
    assert account.settled(before) == before
    assert not RECORD.exists()
    assert "would end the run" in ready("estimate", "job.json").err


def test_the_table_comes_before_the_machines(ready: Command, rehearsed: Path, account: Account) -> None:
    ready("submitJob", "job.json")
    refusal = {"code": "MaxSpotInstanceCountExceeded", "status": 400, "message": "Max spot count exceeded"}
    set_faults(account.control, {"service": "ec2", "operation": "RequestSpotFleet", "error": refusal})

    ended = ready("startCluster", "fleet.json", "--yes")
    set_faults(account.control)

    assert ended.code == 1
    assert ended.err.index("per 1,000 jobs") < ended.err.index("EC2 refused the fleet")
    assert "a rehearsal of 1 jobs on m5.large" in ended.err
