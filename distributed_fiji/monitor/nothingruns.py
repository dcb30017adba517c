"""Whether anything in a run works: tasks may end at once or never be placed, and machines may never join.

Standard library only and no calls. `decide` uses it to end what costs money; `lastwords` explains it in ECS's
words.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from distributed_fiji.aws.tasks import TaskEnd
from distributed_fiji.monitor.snapshot import Snapshot

#: After so many seconds a task is at work or waiting for work: a worker that cannot fetch its script gives up
#: sooner.
SETTLED_SECONDS = 180

#: A task that runs so many seconds longer than those that ended at once has got further than they did.
FURTHER_SECONDS = 20

#: So many tasks in a row that end at once are no accident.
IN_A_ROW = 3

#: Most seconds that one look may add to the time in which nothing ran: the janitor looks every five minutes.
LONGEST_LOOK = 330

#: Seconds after its launch when a machine that has not joined the cluster is ended.
JOIN_DEADLINE = 20 * 60

#: Seconds during which machines cost money and nothing runs before the run ends, if no cause is visible.
PATIENCE = 45 * 60

#: ECS's stopCode for ends that were not the task's own doing (ECS API reference, Task).
ENDED_BY_OTHERS = ("ServiceSchedulerInitiated", "UserInitiated", "SpotInterruption", "TerminationNotice")


def ended_at_once(end: TaskEnd) -> bool:
    """Whether a task ended soon and by itself, or could not be started."""
    if end.code in ENDED_BY_OTHERS or end.reason.startswith("Host EC2"):
        return False
    return end.lived is None or end.lived < SETTLED_SECONDS


def in_a_row(ends: Iterable[TaskEnd]) -> int:
    """Return how many tasks in a row ended at once. `ends`: latest first."""
    return len(list(takewhile(ended_at_once, ends)))


def something_runs(seen: Snapshot) -> bool:
    """Whether a task holds a job, or has run longer than those that ended at once."""
    lives = [end.lived or 0.0 for end in seen.ends if ended_at_once(end)]
    enough = min(SETTLED_SECONDS, max(lives) + FURTHER_SECONDS) if lives else SETTLED_SECONDS
    return any(
        task.at_work or (task.started is not None and seen.now - task.started >= enough)
        for task in seen.tasks
    )


def waits_for_retry(seen: Snapshot) -> bool:
    """Whether a task has nothing to take while jobs that failed are hidden until their next attempt: in
    flight or, after a failure in a bundle, delayed.

    It has worked then, or another has. Tasks that end at once have not: theirs is no waiting.
    """
    return (
        bool(seen.jobs.failing)
        and seen.queue is not None
        and seen.queue.left > 0
        and not seen.queue.visible
        and any(task.status == "RUNNING" for task in seen.tasks)
        and in_a_row(seen.ends) < IN_A_ROW
    )


def nothing_ran_for(seconds: float, looked_at: float | None, seen: Snapshot, *, news: bool) -> float:
    """Return for how many seconds machines have cost money while nothing ran, including this look.

    `seconds`: the figure at the last look, at `looked_at`. `news`: a job has ended since then.
    """
    if news or not seen.desired or something_runs(seen) or waits_for_retry(seen):
        return 0.0
    if not seen.alive or looked_at is None:
        return seconds
    return seconds + min(seen.now - looked_at, LONGEST_LOOK)


def shows_why(seen: Snapshot) -> bool:
    """Whether more waiting is pointless: tasks end at once, or find no place on machines that have joined."""
    joined = any(machine.container_instance for machine in seen.alive)
    count = in_a_row(seen.ends)
    return count >= IN_A_ROW or (joined and not seen.tasks and not count)


def is_over(seconds: float, seen: Snapshot, named_after: float) -> bool:
    """Whether a run in which nothing has run for `seconds` should end."""
    strangers = [
        machine
        for machine in seen.alive
        if not machine.container_instance and seen.now - machine.launched >= JOIN_DEADLINE
    ]
    if len(strangers) >= 2 and len(strangers) == len(seen.alive):
        return True
    return seconds >= (named_after if shows_why(seen) else PATIENCE)
