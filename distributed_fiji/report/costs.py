"""What a run's money was spent on, in rows for people. Pure. Dollars, seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.state import Unreadable, number


@dataclass(frozen=True)
class Spent:
    """`cost`: of the machines; None: not known. `machine_seconds`: of all machines; `tasks`: on each.

    `finished`, `lost`: seconds for which finished jobs, and failed attempts, held a task. `jobs`, `wells`:
    those that are done.
    """

    cost: float | None
    estimate: Mapping[str, Any]
    machine_seconds: float
    tasks: int
    finished: float
    lost: float
    jobs: int
    wells: int

    @property
    def task_seconds(self) -> float:
        """The seconds that were paid for, of all tasks; never fewer than were used."""
        return max(self.machine_seconds * self.tasks, self.finished + self.lost)


def dollars(amount: float) -> str:
    """Return an amount with the digits that matter: cents, and below a dollar two more."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def rows_of(spent: Spent) -> Iterator[tuple[str, str, str]]:
    """Yield what, how much, and a remark."""
    if spent.cost is None:
        yield "Machines", "not known", "no machine of EC2 is on record"
        return
    yield "Machines", dollars(spent.cost), f"{spent.machine_seconds / 3600:,.1f} machine-hours; errs upwards"
    yield "Estimate", *_estimate(spent)
    if spent.jobs:
        yield "Per finished job", dollars(spent.cost / spent.jobs), f"{spent.jobs:,} jobs"
    if spent.wells:
        yield "Per finished well", dollars(spent.cost / spent.wells), f"{spent.wells:,} wells"
    yield from _shares(spent, spent.cost)


def _shares(spent: Spent, cost: float) -> Iterator[tuple[str, str, str]]:
    """Yield what the machines' time was used for; each dollar is in one row."""
    if not spent.task_seconds:
        return
    rest = spent.task_seconds - spent.finished - spent.lost
    for name, seconds, remark in (
        ("… for finished jobs", spent.finished, ""),
        ("… for failed attempts", spent.lost, "attempts that left a record"),
        ("… for the rest", rest, "starting, waiting, attempts that were interrupted"),
    ):
        share = seconds / spent.task_seconds
        yield name, dollars(cost * share), f"{share:.1%}{', ' if remark else ''}{remark}"


def _estimate(spent: Spent) -> tuple[str, str]:
    try:
        low, likely, high = (number(spent.estimate, end) for end in ("low", "likely", "high"))
    except Unreadable:  # there was none
        return "none", ""
    guess = ", a guess" if spent.estimate.get("guess") else ""
    return dollars(likely), f"{dollars(low)} to {dollars(high)}{guess}"
