"""Monitor and cleanup can be killed after any API call and run again: they converge."""

from __future__ import annotations

import pytest

from tests.monitor.builders import EmulatedSession
from tests.monitor.kills import kill_cleanup, kill_monitor


@pytest.mark.parametrize("calls", (4, 17, 24, 31, 38, 45, 52, 59))
def test_a_monitor_that_was_killed_converges_when_it_is_run_again(
    session: EmulatedSession, app: str, calls: int
) -> None:
    outcome = kill_monitor(session, app, calls)

    assert outcome.left == ()
    assert (outcome.exit_code, outcome.done, outcome.dead) == (3, 1, 1)


@pytest.mark.parametrize("calls", (30, 45, 60, 75))
def test_a_cleanup_that_was_killed_converges_when_it_is_run_again(
    session: EmulatedSession, app: str, calls: int
) -> None:
    outcome = kill_cleanup(session, app, calls)

    assert (outcome.exit_code, outcome.left) == (0, ())
