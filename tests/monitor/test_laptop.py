"""When the laptop is gone, the janitor ends the run; `make laptop-gone` tries fifty seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitor.builders import EmulatedSession
from tests.monitor.laptop import leave_alone


@pytest.mark.parametrize("seed", range(2))
def test_a_run_whose_monitor_was_killed_is_ended_by_the_janitor_within_two_rounds(
    hurried: tuple[EmulatedSession, Path], app: str, seed: int
) -> None:
    session, folder = hurried

    outcome = leave_alone(session, app, seed, folder)

    assert outcome.left == ()
    assert outcome.rounds <= 2
    assert outcome.dead in (0, 1)
    assert outcome.done >= 1
