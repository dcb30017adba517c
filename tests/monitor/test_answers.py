"""Commands whose AWS answers as on a bad day: `make answers` tries all calls and answers, these some."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.monitor.result import read_verdict
from tests.monitor.answers import ANSWERS, COMMANDS, AnsweringSession, Trial
from tests.monitor.builders import EmulatedSession, a_run, some_jobs
from tests.monitor.screen import watch


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_answer_leaves_a_fleet_that_nobody_guards_or_a_bill_without_exit_code_4(
    session: EmulatedSession, tmp_path: Path, app: str, command: str, kind: str
) -> None:
    trial, most = COMMANDS[command]
    calls = random.Random(f"{command} {kind}").randrange(1, most + 1)

    outcome = trial(Trial(session, tmp_path, app, kind, calls))

    assert outcome.wrong == (), f"at call {calls}, {outcome.hit}"
    assert outcome.hit, f"{command} makes fewer calls than {calls}: correct COMMANDS"


@pytest.mark.parametrize("kind", ["throttled", "no network"])
def test_a_monitor_whose_first_question_has_no_answer_asks_again(
    session: EmulatedSession, tmp_path: Path, app: str, kind: str
) -> None:
    """Its first question is for an end that has begun; it once ended there, with the fleet at work."""
    outcome = COMMANDS["monitor"][0](Trial(session, tmp_path, app, kind, 1))

    assert outcome.hit == "s3:GetObject"
    assert outcome.wrong == ()


def test_an_end_whose_verdict_is_not_read_at_first_stays_the_end(session: EmulatedSession, app: str) -> None:
    run = a_run(Clients(session), app)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    first, _ = watch(run)
    ended = read_verdict(run.clients.s3, run.record)
    throttled = AnsweringSession(session, "throttled", 1)

    second, _ = watch(run, clients=Clients(throttled))

    assert throttled.hit == "s3:GetObject"
    assert second == first
    assert read_verdict(run.clients.s3, run.record) == ended is not None
