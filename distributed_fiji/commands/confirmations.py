"""Questions to ask before unnecessary costs: a fleet without jobs, or too large, or jobs sent twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from math import ceil

import click

from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import Settings
from distributed_fiji.state.submissions import Submission
from distributed_fiji.terminal import Terminal

#: Seconds for which the queue's counts may not show what was just submitted (SQS API reference,
#: GetQueueAttributes: "at least 1 minute after the producers stop").
COUNTS_ARE_LATE = 120

#: Asks about findings, and raises InvalidInput if the answer is no. Without findings, it asks nothing.
Confirm = Callable[[str, Sequence[str]], None]


def accept(_what: str, _findings: Sequence[str]) -> None:
    """Continue, whatever was found."""


def asking(terminal: Terminal, *, yes: bool) -> Confirm:
    """Return a function that asks at the terminal.

    With `yes`, it only warns (--yes, or --local: nothing costs).

    If nobody can answer, it ends the command and says what to do.
    """

    def confirm(what: str, findings: Sequence[str]) -> None:
        if findings and not yes and not sys.stdin.isatty():
            raise InvalidInput(what, [*findings, "to continue anyway, add --yes"])
        for line in findings:
            terminal.warn(line)
        if findings and not yes and not click.confirm("Continue anyway?", err=True):
            raise InvalidInput(what, ["you answered no"])

    return confirm


def agreeing(*, yes: bool) -> Callable[[str], bool]:
    """Return a function that asks whether to continue.

    Scripts, which cannot answer, continue as they always have.
    """

    def agree(question: str) -> bool:
        return yes or not sys.stdin.isatty() or click.confirm(question, err=True)

    return agree


def jobs_waiting(left: int, submissions: Sequence[Submission], now: float) -> int:
    """Return how many messages with jobs the queue holds: by its count, or by very recent submissions."""
    recent = [one for one in submissions if now - one.submitted_at < COUNTS_ARE_LATE]
    return max(left, sum(ceil(len(one.job_ids) / one.bundle) for one in recent))


def fleet_findings(settings: Settings, jobs: int, messages: int) -> list[str]:
    """Return why the fleet would cost more than the jobs need. A task takes one message at a time."""
    if not jobs:
        return [
            f"The queue {settings.SQS_QUEUE_NAME} is empty, so machines would cost money and do nothing."
            " Run `python run.py submitJob` first"
        ]
    needed = ceil(messages / settings.TASKS_PER_MACHINE)
    if needed >= settings.CLUSTER_MACHINES:
        return []
    some = "1 job is waiting" if jobs == 1 else f"{jobs} jobs are waiting"
    if messages < jobs:
        some = f"{jobs} jobs in {messages} messages are waiting"
    return [
        f"{some}, but {settings.CLUSTER_MACHINES} machines run {settings.tasks} at once: CLUSTER_MACHINES"
        f" = {needed} is enough"
    ]


def again_findings(jobs: int, again: int, first: Submission | None) -> list[str]:
    """Return why jobs would be in the queue twice.

    `again`: how many were submitted before and are not done. `first`: the earliest such submission.
    """
    if first is None:
        return []
    when = datetime.fromtimestamp(first.submitted_at, timezone.utc)
    said = f"{again} of {jobs} jobs {'was' if again == 1 else 'were'} submitted before"
    return [
        f"{said} ({first.job_file}, {when:%Y-%m-%d %H:%M} UTC) and are not done yet. Sending them again"
        " puts them in the queue twice. --replace first takes back the waiting ones"
    ]
