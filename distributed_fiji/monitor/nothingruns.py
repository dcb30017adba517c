"""Whether anything of a run runs: tasks that end at once, that are never placed, machines that never join.

Standard library only and no calls: `decide` ends by it what costs, `lastwords` says why in ECS's own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from distributed_fiji.aws.tasks import TaskEnd
from distributed_fiji.monitor.snapshot import Snapshot

#: A task that has run for so many seconds is at work or waits for it: a worker that fetches a script in vain
#: gives up sooner.
SETTLED_SECONDS = 180

#: A task that runs for so many seconds longer than those that ended at once has come further than they.
FURTHER_SECONDS = 20

#: As many ends at once, one after the other, are no accident.
IN_A_ROW = 3

#: Seconds that one look may add to the time in which nothing ran: the janitor looks every five minutes.
LONGEST_LOOK = 330

#: Seconds after its launch when a machine that never joined the cluster is ended.
JOIN_DEADLINE = 20 * 60

#: Seconds in which machines cost and nothing runs before a run ends where nothing shows why.
PATIENCE = 45 * 60

#: Who ended a task, by ECS's stopCode, when it was not the task itself (ECS API reference, Task).
ENDED_BY_OTHERS = ("ServiceSchedulerInitiated", "UserInitiated", "SpotInterruption", "TerminationNotice")


def ended_at_once(end: TaskEnd) -> bool:
    """Whether a task ended soon and by itself, or could not be started."""
    if end.code in ENDED_BY_OTHERS or end.reason.startswith("Host EC2"):
        return False
    return end.lived is None or end.lived < SETTLED_SECONDS


def in_a_row(ends: Iterable[TaskEnd]) -> int:
    """Return how many tasks ended at once, one after the other; `ends`: the latest first."""
    return len(list(takewhile(ended_at_once, ends)))


def something_runs(seen: Snapshot) -> bool:
    """Whether a task holds a job, or has come further than those that ended at once."""
    lives = [end.lived or 0.0 for end in seen.ends if ended_at_once(end)]
    enough = min(SETTLED_SECONDS, max(lives) + FURTHER_SECONDS) if lives else SETTLED_SECONDS
    return any(
        task.at_work or (task.started is not None and seen.now - task.started >= enough)
        for task in seen.tasks
    )


def waits_for_retry(seen: Snapshot) -> bool:
    """Whether a task has nothing to take while jobs that failed are hidden until their next attempt.

    It has worked then, or another has. Tasks that end at once have not: theirs is no waiting.
    """
    return (
        bool(seen.jobs.failing)
        and seen.queue is not None
        and seen.queue.in_flight > 0
        and not seen.queue.visible
        and any(task.status == "RUNNING" for task in seen.tasks)
        and in_a_row(seen.ends) < IN_A_ROW
    )


def nothing_ran_for(seconds: float, looked_at: float | None, seen: Snapshot, *, news: bool) -> float:
    """Return for how long machines have cost while nothing ran, after another look.

    `seconds`: what it was at the last look, at `looked_at`. `news`: a job has ended since.
    """
    if news or not seen.desired or something_runs(seen) or waits_for_retry(seen):
        return 0.0
    if not seen.alive or looked_at is None:
        return seconds
    return seconds + min(seen.now - looked_at, LONGEST_LOOK)


def shows_why(seen: Snapshot) -> bool:
    """Whether waiting on is in vain: tasks end at once, or find no place on machines that have joined."""
    joined = any(machine.container_instance for machine in seen.alive)
    count = in_a_row(seen.ends)
    return count >= IN_A_ROW or (joined and not seen.tasks and not count)


def is_over(seconds: float, seen: Snapshot, named_after: float) -> bool:
    """Whether a run in which nothing has run for `seconds` is to end."""
    strangers = [
        machine
        for machine in seen.alive
        if not machine.container_instance and seen.now - machine.launched >= JOIN_DEADLINE
    ]
    if len(strangers) >= 2 and len(strangers) == len(seen.alive):
        return True
    return seconds >= (named_after if shows_why(seen) else PATIENCE)
