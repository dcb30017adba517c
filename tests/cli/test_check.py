"""`check`: eighty broken set-ups are named before anything is made, and unusual valid ones pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.findings import KINDS
from tests.cli.conftest import Account, Command, configure
from tests.cli.setups import BROKEN, ODD, SetUp

STATEMENT = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = {"Version": "2012-10-17", "Statement": [STATEMENT]}


@pytest.fixture(scope="module")
def unchanged(account: Account, made: None) -> Iterator[None]:
    """Nothing in the account has changed after all checks."""
    account.client("iam").create_role(
        RoleName="check-wrong-trust", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    before = account.everything()
    yield
    assert account.settled(before) == before


def findings(command: Command, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    ended = command("check", *arguments, "--json")
    assert ended.code in (0, 2), ended.said
    return ended.code, json.loads(ended.out)


def changing(setup: SetUp, arguments: list[str]) -> list[str]:
    """Return the command that a set-up's finding must stop."""
    if setup.id == "image" or (setup.fleet is not None and setup.id.startswith("fleet")):
        return ["startCluster", "fleet.json"]
    of_jobs = setup.job is not None and setup.id not in ("config", "header")
    return ["submitJob", "job.json"] if of_jobs else ["setup"]


@pytest.mark.usefixtures("unchanged")
# The broken set-ups name what the user's own policy does not: that is what is wrong with them.
@pytest.mark.beyond_role("not-ours", "lab-machines")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_set_up_is_named_before_anything_is_made(name: str, ready: Command, tmp_path: Path) -> None:
    setup = BROKEN[name]
    arguments = setup.write(tmp_path)

    code, found = findings(ready, *arguments)

    named = [one for one in found if one["id"] == setup.id and setup.words in one["found"]]
    assert named, found
    assert named[0]["severity"] == setup.severity
    assert all(named[0][part] for part in ("field", "wanted", "next"))
    order = [("stop", "warn", "unknown").index(one["severity"]) for one in found]
    assert order == sorted(order)
    assert code == (2 if order and order[0] == 0 else 0)
    if setup.severity == "stop":
        stopped = ready(*changing(setup, arguments))
        assert stopped.code == 2, stopped.said
        assert setup.words in " ".join(stopped.err.split()), stopped.err


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", ODD)
def test_an_odd_set_up_that_is_right_is_not_stopped(name: str, ready: Command, tmp_path: Path) -> None:
    code, found = findings(ready, *ODD[name].write(tmp_path))

    assert [one for one in found if one["severity"] == "stop"] == []
    assert code == 0


def test_there_are_as_many_set_ups_as_were_asked_for() -> None:
    assert len(BROKEN) >= 80
    assert len(ODD) >= 30
    assert {setup.id for setup in BROKEN.values()} <= set(KINDS)


@pytest.mark.usefixtures("unchanged")
def test_everything_is_found_at_once_and_shown_worst_first(ready: Command, tmp_path: Path) -> None:
    configure(tmp_path, SCRIPT_DOWNLOAD_URL="none.ijm", MEMORY=9000, TASK_ROLE="lab-worker", MEMROY=1)
    (tmp_path / "fleet.json").write_text('{"KeyName": "nobody"}')

    ended = ready("check", "job.json", "fleet.json")

    lines = [line.split() for line in ended.out.splitlines()[1:]]
    assert ended.code == 2
    assert [(words[0], words[1]) for words in lines] == [
        *(("stop", kind) for kind in ("memory", "role", "script", "fleet")),
        ("warn", "config"),
        ("unknown", "image"),
    ]
    assert "4 stop, 1 warn, 1 unknown" in ended.err


@pytest.mark.usefixtures("unchanged")
def test_before_setup_nothing_is_missing_that_setup_makes(ready: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="NeverMade")

    code, found = findings(ready, "job.json", "fleet.json")

    assert code == 0, found
