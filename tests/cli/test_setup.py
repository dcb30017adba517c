"""What setup makes beside what the other tests see, and what it waits for."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Account, Command, configure
from tests.emulators import set_faults


def test_a_new_account_gets_awss_own_roles_for_spot_machines_once(account: Account, command: Command) -> None:
    first, again = command("setup"), command("setup")

    assert first.code == again.code == 0
    for name in ("AWSServiceRoleForEC2Spot", "AWSServiceRoleForEC2SpotFleet"):
        assert account.client("iam").get_role(RoleName=name)["Role"]["Path"].startswith("/aws-service-role/")
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
