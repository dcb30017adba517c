"""A terminal that keeps what was printed, and the monitor run on it with a clock that jumps."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.cleanup import cleanup
from distributed_fiji.commands.inventory import inventory
from distributed_fiji.commands.monitor import MonitorResult, monitor
from distributed_fiji.janitor.policy import janitor_policy
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from distributed_fiji.names import role_name
from distributed_fiji.terminal import Terminal
from tests.monitor.builders import ARun, SteppedClock
from tests.policy.judging import ACCOUNT
from tests.policy.trail import acting

#: What teardown leaves on purpose: free, or kept for the user.
KEPT = {"role", "instance profile", "log group", "results"}


class Screen:
    """Both streams of a terminal, as text."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.terminal = Terminal(Console(file=self.out, width=200), Console(file=self.err, width=200))

    @property
    def text(self) -> str:
        return self.out.getvalue() + self.err.getvalue()


def watch(
    run: ARun,
    on_sleep: Callable[[], None] | None = None,
    *,
    cheapest: bool = False,
    clients: Clients | None = None,
    listing: Path | None = None,
    pace: float = 1,
) -> tuple[MonitorResult, Screen]:
    """Run the monitor.

    The world continues during its waits, which last `pace` times longer than requested.
    """
    screen, clock = Screen(), SteppedClock(time.time(), on_sleep, pace)
    result = monitor(
        run.record,
        clients or run.clients,
        cheapest=cheapest,
        clock=clock,
        out=screen.terminal,
        listing=listing,
    )
    return result, screen


def a_round(
    run: ARun,
    *,
    after: float = 0,
    topic: str = "",
    clients: Clients | None = None,
    on_sleep: Callable[[], None] | None = None,
) -> list[str]:
    """Let the janitor do one round here, some seconds from now, in its role; return the problems."""
    go_on = on_sleep or run.report_stopped_tasks

    def the_world_goes_on() -> None:
        with acting.paused():
            go_on()

    clock = SteppedClock(time.time() + after, the_world_goes_on)
    who = {"role": "janitor", "APP_NAME": run.app, "AWS_REGION": run.clients.region}
    with acting.as_role({**who, "policies": [janitors_policy(run)]}):
        return run_round(
            JanitorConfig(run.app, run.bucket, topic), clients or run.clients, clock, lambda _: None
        )


def janitors_policy(run: ARun) -> dict[str, Any]:
    """Return the policy of the janitor's role; if none is installed, the one it would have."""
    role = role_name(run.app, run.clients.region, "janitor")
    try:
        document: Any = run.clients.iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
        return dict(document)
    except run.clients.iam.exceptions.NoSuchEntityException:
        return janitor_policy(run.record, ACCOUNT)


def janitors_environment(run: ARun) -> dict[str, str]:
    """Return the variables that the run's janitor is called with."""
    name = f"{run.app}Janitor"
    found = run.clients.awslambda.get_function_configuration(FunctionName=name)
    return {**found["Environment"]["Variables"], "AWS_REGION": run.clients.region}


def clean(
    clients: Clients,
    app: str,
    keep: tuple[str, ...] = ("logs", "results"),
    on_sleep: Callable[[], None] | None = None,
) -> tuple[int, Screen]:
    """Run cleanup and answer its question with yes."""
    screen, clock = Screen(), SteppedClock(time.time(), on_sleep)
    code = cleanup(clients, app, confirm=lambda _: True, keep=keep, clock=clock, out=screen.terminal)
    return code, screen


def kinds(run: ARun) -> set[str]:
    """Return the kinds of the app's resources that exist."""
    return {item.kind for item in inventory(run.clients, run.app)}
