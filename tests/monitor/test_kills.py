"""Every command can be killed after any API call and run again, and monitor and janitor can meet anywhere:
`make kills` tries all, these some.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.monitor.builders import EmulatedSession
from tests.monitor.kills import COMMANDS, Trial

#: How many calls of each are tried.
SEEDS = {
    "setup": 1,
    "submitJob": 1,
    "startCluster": 2,
    "monitor": 2,
    "cleanup": 1,
    "retry": 1,
    "janitorInBetween": 2,
    "monitorInBetween": 2,
}


@pytest.mark.parametrize(("command", "seed"), [(name, seed) for name in SEEDS for seed in range(SEEDS[name])])
def test_a_command_that_was_killed_or_met_another_converges(
    session: EmulatedSession, tmp_path: Path, app: str, command: str, seed: int
) -> None:
    kill, most = COMMANDS[command]
    calls = random.Random(f"{command} {seed}").randrange(1, most + 1)

    outcome = kill(Trial(session, tmp_path, app, calls))

    assert (outcome.wrong, outcome.left) == ((), ()), f"after call {calls}"
    assert outcome.died, f"{command} makes fewer calls than {calls}: correct COMMANDS"
