"""What the monitor's view says of jobs that run, are held and fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task
from distributed_fiji.commands.view import Progress, figures
from distributed_fiji.monitor.snapshot import Jobs, Snapshot


def seen(in_flight: int, tasks: list[bool | None], failing: int = 0, attempts: int = 0) -> Snapshot:
    made = tuple(Task(f"t{number}", "c", "RUNNING", at_work) for number, at_work in enumerate(tasks))
    jobs = Jobs(
        submitted=frozenset(map(str, range(100))),
        failing=frozenset(map(str, range(failing))),
        failed_attempts=attempts,
    )
    return Snapshot(1.0, jobs, Counts(10, in_flight, 0), "active", 2, tasks=made)


@pytest.mark.parametrize(
    ("in_flight", "tasks", "words"),
    [
        (64, [True, True], "2 (+62 held by workers)"),
        (64, [None, None], "2 (+62 held by workers)"),
        (2, [True, True], "2"),
        (0, [False, False], "0"),
        (1, [True, True], "1"),
        (3, [True, False], "1 (+2 held by workers)"),
    ],
)
def test_no_more_jobs_run_than_workers_hold_one(in_flight: int, tasks: list[bool | None], words: str) -> None:
    look = seen(in_flight, tasks)
    progress = Progress()
    progress.add(look.now, 0)

    assert figures(look, progress)["running"] == words


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([False], "0 (+3 waiting for a retry)"),
        ([True], "1 (+2 held by workers, or waiting for a retry)"),
        ([None], "1 (+2 held by workers, or waiting for a retry)"),
    ],
)
def test_jobs_that_wait_for_a_retry_are_told_from_those_that_workers_hold(
    tasks: list[bool | None], words: str
) -> None:
    look = seen(3, tasks, failing=1)
    progress = Progress()
    progress.add(look.now, 0)

    assert figures(look, progress)["running"] == words


def test_failed_attempts_are_told_with_how_many_jobs_they_are_of() -> None:
    look = seen(1, [True], failing=2, attempts=3)
    progress = Progress()
    progress.add(look.now, 0)

    assert figures(look, progress)["failed"] == "3 attempts of 2 jobs"


def test_of_bundles_the_jobs_are_counted_and_not_the_messages() -> None:
    look = seen(2, [True, True], failing=3)
    progress = Progress()
    progress.add(look.now, 0)

    shown = figures(replace(look, jobs=replace(look.jobs, bundled=True)), progress)

    assert (shown["running"], shown["waiting"]) == ("2", "98")
