"""The worker's scale-in protection, asked for at an agent that answers as the ECS agent does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulators import free_port
from tests.worker import harness
from tests.worker.ecs_agent import ARN, Agent
from tests.worker.harness import Run, a_job, submit, wait_until
from worker.aws.protection import TaskProtection, agent


@pytest.fixture
def ecs_agent() -> Iterator[Agent]:
    made = Agent()
    yield made
    made.close()


def test_a_worker_is_protected_from_its_first_job_to_its_last_and_no_longer(
    run: Run, ecs_agent: Agent
) -> None:
    jobs = [a_job(number, sleep=0.2) for number in range(2)]
    submit(run, jobs)
    worker = harness.start_worker(run, **ecs_agent.environment)

    wait_until(lambda: ecs_agent.states == [True, False], what="the protection is withdrawn")
    harness.check_done(run, jobs)
    assert ecs_agent.asked[0]["ExpiresInMinutes"] == 30
    assert "ExpiresInMinutes" not in ecs_agent.asked[1]
    worker.stop()


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (200, {"failure": {"Arn": ARN, "Detail": None, "Reason": "TASK_NOT_VALID"}}, "TASK_NOT_VALID"),
        (
            400,
            {
                "requestID": "1",
                "error": {"Arn": ARN, "Code": "AccessDeniedException", "Message": "not allowed"},
            },
            "AccessDeniedException not allowed",
        ),
    ],
)
def test_a_worker_that_may_not_protect_itself_says_so_once_and_works_on(
    run: Run, ecs_agent: Agent, status: int, document: dict[str, Any], said: str
) -> None:
    ecs_agent.refusal = status, document
    jobs = [a_job(number) for number in range(2)]
    submit(run, jobs)
    worker = harness.start_worker(run, **ecs_agent.environment)
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    assert worker.text().count("scale-in protection could not be changed") == 1
    assert said in worker.text()
    assert ecs_agent.states == [True]


def test_an_agent_that_is_not_there_delays_no_job(run: Run) -> None:
    submit(run, [a_job(1)])
    worker = harness.start_worker(run, ECS_AGENT_URI=f"http://127.0.0.1:{free_port()}/api/0123")
    harness.wait_until_settled(run)
    worker.stop()

    assert "the ECS agent did not respond" in worker.text()


def test_a_long_job_renews_its_protection_and_a_renewal_that_fails_is_tried_again(ecs_agent: Agent) -> None:
    protection = TaskProtection(
        agent(ecs_agent.environment), renew_seconds=0.2, linger_seconds=0.05, retry_seconds=0.05
    )
    protection.hold()
    wait_until(lambda: len(ecs_agent.asked) >= 3, what="two renewals")
    ecs_agent.refusal = 400, {"error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
    refused = len(ecs_agent.asked)
    wait_until(lambda: len(ecs_agent.asked) >= refused + 3, what="a second try")
    ecs_agent.refusal = None
    protection.release()

    wait_until(lambda: not ecs_agent.states[-1], what="the end of the protection")
    protection.close()


def test_a_job_that_comes_while_the_protection_is_withdrawn_is_protected_before_it_starts(
    ecs_agent: Agent,
) -> None:
    protection = TaskProtection(agent(ecs_agent.environment), linger_seconds=0.0)
    for _ in range(50):
        protection.hold()
        assert ecs_agent.states[-1]
        protection.release()
    protection.close()


def test_without_an_agent_nothing_is_asked_and_nothing_waits() -> None:
    protection = TaskProtection(agent({}))
    protection.hold()
    protection.release()
    protection.close()
