"""What setup makes that other tests do not cover, and what it waits for."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Account, Command, configure
from tests.emulators import set_faults


def test_a_new_account_gets_awss_own_roles_once(account: Account, command: Command) -> None:
    first, again = command("setup"), command("setup")

    assert first.code == again.code == 0
    for purpose in ("EC2Spot", "EC2SpotFleet", "ECS", "CloudWatchEvents"):
        role = account.client("iam").get_role(RoleName=f"AWSServiceRoleFor{purpose}")["Role"]
        assert role["Path"].startswith("/aws-service-role/")
    assert "created" not in again.out
    assert "changed" not in again.out


def test_a_queue_whose_name_was_just_given_up_is_waited_for(
    account: Account, command: Command, tmp_path: Path
) -> None:
    configure(tmp_path, APP_NAME="Again")
    answer = {"code": "AWS.SimpleQueueService.QueueDeletedRecently", "status": 400}
    set_faults(account.data, {"service": "sqs", "operation": "CreateQueue", "error": answer, "times": 1})
    try:
        ended = command("setup")
    finally:
        set_faults(account.data)

    assert ended.code == 0, ended.said
    assert "waiting until its name is free" in ended.err
    assert "queue AgainQueue created" in " ".join(ended.out.split())


def test_setup_again_keeps_everything_and_changes_only_what_differs(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Kept")
    first, again = command("setup"), command("setup")
    configure(tmp_path, APP_NAME="Kept", EXPECTED_NUMBER_FILES=3)
    changed = command("setup")

    assert first.out.count(" created") >= 9
    assert " created" not in again.out
    assert " changed" not in again.out
    different = [line for line in changed.out.splitlines() if " changed " in line or " created " in line]
    assert [line.split()[0] for line in different] == ["task", "service"]
    assert "EXPECTED_NUMBER_FILES" in different[0]


def test_a_service_takes_on_where_its_tasks_may_run(
    account: Account, command: Command, tmp_path: Path
) -> None:
    def constraints(**settings: int) -> set[str]:
        configure(tmp_path, APP_NAME="Placed", ECS_CLUSTER="PlacedCluster", **settings)
        assert command("setup").code == 0
        (service,) = account.client("ecs").describe_services(
            cluster="PlacedCluster", services=["PlacedService"]
        )["services"]
        return {one["type"] for one in service["placementConstraints"]}

    assert constraints(TASKS_PER_MACHINE=1) == {"memberOf", "distinctInstance"}
    assert constraints(TASKS_PER_MACHINE=2) == {"memberOf"}


def test_a_changed_script_is_seen(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Changed")
    command("setup")
    (tmp_path / "script.ijm").write_text("// another one\n")

    again = command("setup")

    assert "SCRIPT_DOWNLOAD_URL" in again.out
    assert "SCRIPT_SHA256" in again.out


def test_commands_out_of_order_say_what_comes_first(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Unordered")

    submitted = command("submitJob", "job.json")
    started = command("startCluster", "fleet.json")

    assert submitted.code == started.code == 2
    assert "setup" in submitted.err
    assert "setup" in started.err


def test_two_apps_whose_names_contain_each_other_do_not_touch(command: Command, tmp_path: Path) -> None:
    configure(tmp_path, APP_NAME="Plate", ECS_CLUSTER="PlateCluster")
    command("setup")
    configure(tmp_path, APP_NAME="Plateb", ECS_CLUSTER="PlatebCluster")
    command("setup")

    assert command("cleanup", "Plate", "--yes", "--keep", "").code == 0

    kinds = {item["kind"] for item in json.loads(command("inventory", "Plateb", "--json").out)}
    assert {"queue", "service", "task definition", "role", "log group", "cluster"} <= kinds
    assert json.loads(command("inventory", "Plate", "--json").out) == []
    assert command("cleanup", "Plateb", "--yes", "--keep", "").code == 0
    assert json.loads(command("inventory", "Plateb", "--json").out) == []
