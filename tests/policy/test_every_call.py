"""Every call in the code has its permission in a policy: a new one without it fails here.

Calls that tests make are checked against the policies as they run (tests/conftest.py). This also finds calls
that no test makes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from distributed_fiji.aws.policies import instance_grants, task_grants
from distributed_fiji.aws.refusals import action_of
from distributed_fiji.janitor.policy import janitor_grants
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.permissions.userpolicy import user_grants
from distributed_fiji.state.record import new_run
from tests.contract.static import asked_in, sources
from tests.policy.test_grants import ACCOUNT, settings

CHECKOUT = Path(__file__).resolve().parents[2]

#: Calls that need no permission (STS API reference, GetCallerIdentity).
FREE = "sts:GetCallerIdentity"


def calls_in(text: str) -> list[set[str]]:
    """Return the actions that each AWS call in a file may need: several if several calls have its name."""
    return [{action_of(*operation) for operation in group} for group in asked_in(text)]


@cache
def granted() -> frozenset[str]:
    made = settings()
    run = new_run(made, started=1.0, run_id="t", local=False)
    roles = [*task_grants(made, ACCOUNT), *instance_grants(made, ACCOUNT), *janitor_grants(run, ACCOUNT)]
    grants = [*roles, *user_grants(made, ACCOUNT, COMMANDS)]
    return frozenset(action for grant in grants for action in grant.actions)


def denied_in(text: str) -> list[set[str]]:
    """Return the calls in a file that no policy allows."""
    allowed = {FREE, *granted()}
    return [actions for actions in calls_in(text) if not actions & allowed]


def test_every_call_in_the_code_has_its_permission_in_a_policy() -> None:
    denied = {
        str(path.relative_to(CHECKOUT)): found
        for path in sources()
        if (found := denied_in(path.read_text(encoding="utf-8")))
    }

    assert denied == {}


def test_calls_are_found_where_they_stand() -> None:
    calls = [actions for path in sources() for actions in calls_in(path.read_text(encoding="utf-8"))]
    found = {action for actions in calls for action in actions if len(actions) == 1}

    assert len(found) > 80
    assert {"ec2:RequestSpotFleet", "ecs:ListTasks", "sqs:SendMessage", "lambda:GetFunction"} <= found


def test_a_new_call_without_its_permission_is_found() -> None:
    text = "def look(clients):\n    clients.ec2.create_vpc(CidrBlock='10.0.0.0/16')\n"

    assert denied_in(text) == [{"ec2:CreateVpc"}]
