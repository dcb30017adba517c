"""Decide what to do next about a run: a pure function from what was seen to a list of named actions.

Standard library only and no calls, because the terminal's loop and the janitor share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from distributed_fiji.monitor.actions import (
    Action,
    AddAlarm,
    DeleteAlarms,
    End,
    EndMachines,
    LowerService,
    LowerTarget,
    TakeDown,
)
from distributed_fiji.monitor.nothingruns import JOIN_DEADLINE, is_over, nothing_ran_for
from distributed_fiji.monitor.snapshot import Machine, Snapshot
from distributed_fiji.state.record import Run

#: Seconds after the start when the cheapest mode stops replacing machines (the original's 15 minutes).
CHEAPEST_AFTER = 15 * 60

#: Seconds after the start in which a queue that never held a job does not end the run, because jobs may
#: follow.
FIRST_JOB = 15 * 60

#: Seconds after the fleet request when a service that wants no tasks means that the start was interrupted.
START_DEADLINE = 15 * 60

#: Alarms created at one look: CloudWatch accepts three a second, and the costs must be looked at again soon.
ALARMS_A_LOOK = 20

#: Machines that one action ends: what ECS describes in one call, so that little time passes between seeing
#: that they are idle and draining them, and an error in one batch does not keep the others alive.
ENDED_AT_ONCE = 100

#: States in which a spot fleet starts no more machines (EC2 API reference, BatchState).
ENDED_FLEET = frozenset({"", "cancelled", "cancelled_running", "cancelled_terminating", "failed"})


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, and how often the queue must read empty before it is believed to be.

    AWS calls a queue empty once its counts have been 0 for several minutes; they may be wrong for a minute or
    more (SQS developer guide). `doubt` is that long; `settle` is enough if every task reports that it holds
    no job. `vanish`: how long until submitted jobs that are nowhere count as lost. `gone`: how long between
    the first look that finds no queue, or no fleet with that ID, and the one that is believed. `unseen`: how
    long after the start EC2 may not know the fleet yet ("Eventual consistency", EC2 API reference). `named`:
    how long machines may cost money while nothing runs before this is reported, and ended if the cause is
    visible.
    """

    settle: float = 100
    doubt: float = 240
    vanish: float = 300
    readings: int = 4
    gone: float = 60
    unseen: float = 300
    named: float = 600

    @staticmethod
    def of(run: Run) -> Limits:
        """Return the limits for a run. The embedded cloud's counts are exact, so it need not wait."""
        if not run.local:
            return Limits()
        return Limits(settle=3, doubt=3, vanish=20, readings=2, gone=3, unseen=0, named=30)


@dataclass(frozen=True)
class Memory:
    """What is kept between looks: recent readings (time, messages left) and when a surplus was first seen.

    `foreign`: more messages were counted than jobs were submitted, so some belong to other people. `empty`:
    for the current series of looks that found no work, the time of the first one and their number. `heard`:
    the number of manifests, dead letters and failures at the last look; any new one contradicts an empty
    queue. `protecting`: some task has protected itself, so tasks without protection are idle; if no task ever
    does, the lack of protection means nothing. `nothing_ran`: seconds during which machines cost money and
    nothing ran, up to the look at `looked_at`. `no_queue`, `no_fleet`: since when every look has found no
    queue, or no fleet with that ID.
    """

    readings: tuple[tuple[float, int], ...] = ()
    empty: tuple[float, int] | None = None
    foreign: bool = False
    surplus_since: float | None = None
    heard: int = 0
    protecting: bool = False
    no_queue: float | None = None
    no_fleet: float | None = None
    nothing_ran: float = 0.0
    looked_at: float | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the last look missed something, and only more looks can prove that it is gone."""
        return any(since is not None for since in (self.empty, self.no_queue, self.no_fleet))

    def empty_for(self, now: float, readings: int) -> float:
        """Seconds since the first look of the current series that found no work; 0 after too few looks."""
        return now - self.empty[0] if self.empty and self.empty[1] >= readings else 0

    def most_left(self, now: float, seconds: float) -> int:
        """Return the highest reading of the last seconds."""
        return max((left for time, left in self.readings if time >= now - seconds), default=0)


def decide(
    run: Run, limits: Limits, seen: Snapshot, memory: Memory, *, cheapest: bool = False
) -> tuple[list[Action], Memory]:
    """Return what to do about what was seen, and what to remember for the next look."""
    if seen.unread:
        # Nothing is known about the work, so none of it is ended; only what costs money is.
        no_fleet = None if seen.fleet_state else _since(memory.no_fleet, seen.now)
        memory = replace(memory, empty=None, no_queue=None, no_fleet=no_fleet)
        end = _stop(run, limits, seen, memory)
        return [TakeDown(end)] if end else [], memory
    memory = remember(memory, seen, limits)
    end = ending(run, limits, seen, memory)
    if end is not None:
        return [TakeDown(end)], memory
    if seen.queue is None:
        return [*never_joined(seen), *alarms(seen)], memory
    actions = [
        *shrinking(run, limits, seen, memory, cheapest=cheapest),
        *never_joined(seen),
        *alarms(seen),
    ]
    return actions, memory


def remember(memory: Memory, seen: Snapshot, limits: Limits) -> Memory:
    """Return the memory with this look entered."""
    memory = replace(
        memory,
        no_queue=None if seen.queue else _since(memory.no_queue, seen.now),
        no_fleet=None if seen.fleet_state else _since(memory.no_fleet, seen.now),
    )
    if seen.queue is None:
        # One answer that there is no queue proves nothing, least of all that the queue is empty.
        return memory
    jobs = seen.jobs
    horizon = seen.now - 2 * limits.vanish
    kept = tuple(reading for reading in memory.readings if reading[0] >= horizon)
    heard = len(jobs.done_ids) + len(jobs.dead - jobs.done_ids) + jobs.others + jobs.failed_attempts
    return replace(
        memory,
        readings=(*kept, (seen.now, seen.left)),
        empty=_empty(memory, seen, heard),
        foreign=memory.foreign or seen.left > len(jobs.submitted),
        surplus_since=_surplus_since(memory, seen),
        heard=heard,
        nothing_ran=nothing_ran_for(memory.nothing_ran, memory.looked_at, seen, news=heard > memory.heard),
        looked_at=seen.now,
        protecting=memory.protecting or seen.at_work > 0,
    )


def _since(before: float | None, now: float) -> float:
    return now if before is None else before


def _surplus_since(memory: Memory, seen: Snapshot) -> float | None:
    """Return since when more messages than submitted jobs have been left; a reading of zero
    proves nothing.
    """
    jobs = seen.jobs
    if seen.counted is not None:
        return memory.surplus_since
    if not jobs.submitted or 0 < seen.left <= len(jobs.unaccounted):
        return None
    if not seen.left:
        return memory.surplus_since
    return seen.now if memory.surplus_since is None else memory.surplus_since


def _empty(memory: Memory, seen: Snapshot, heard: int) -> tuple[float, int] | None:
    """Return since when and how often no work was found; news of any job starts the count again."""
    if seen.left or seen.at_work:
        return None
    if memory.empty is None or heard > memory.heard:
        return seen.now, 1
    return memory.empty[0], memory.empty[1] + 1


def ending(run: Run, limits: Limits, seen: Snapshot, memory: Memory) -> End | None:
    """Return why the run is over, or None while it is not.

    Submitted jobs are counted by their manifests and dead letters, whatever the queue's counts say. Messages
    left after all jobs are accounted for may belong to other people, so the run waits for them.
    """
    if seen.queue is None:
        lasted = memory.no_queue is not None and seen.now - memory.no_queue >= limits.gone
        return End.QUEUE_GONE if lasted else _stop(run, limits, seen, memory)
    if seen.counted is not None:
        return _stop(run, limits, seen, memory)
    empty_for = memory.empty_for(seen.now, limits.readings)
    settled = empty_for >= (limits.settle if _all_idle(seen, memory) else limits.doubt)
    jobs = seen.jobs
    if jobs.submitted and not jobs.unaccounted:
        others = memory.foreign or jobs.others or _surplus_lasted(limits, seen, memory)
        if not seen.left and not seen.at_work and (settled or not others):
            return End.ACCOUNTED
    elif jobs.submitted and empty_for >= limits.vanish:
        return End.LOST
    elif not jobs.submitted and settled and not _waits_for_first_job(run, seen):
        return End.SETTLED
    return _stop(run, limits, seen, memory)


def _fleet_has_ended(run: Run, limits: Limits, seen: Snapshot, memory: Memory) -> bool:
    """Whether the fleet no longer starts machines. A fleet that EC2 does not know may just be too new."""
    if seen.fleet_state:
        return seen.fleet_state in ENDED_FLEET
    missing = memory.no_fleet is not None and seen.now - memory.no_fleet >= limits.gone
    return missing and seen.now - run.started >= limits.unseen


def _stop(run: Run, limits: Limits, seen: Snapshot, memory: Memory) -> End | None:
    """Return why the costs must end even if jobs remain, or None."""
    if _fleet_has_ended(run, limits, seen, memory) and not seen.alive:
        return End.NO_FLEET
    if run.max_cost and seen.spent >= run.max_cost:
        return End.COST
    if not seen.unread and not seen.desired and seen.now - run.started >= START_DEADLINE:
        return End.NOT_STARTED
    if not seen.unread and is_over(memory.nothing_ran, seen, limits.named):
        return End.NOTHING_RUNS
    return None


def _work_is_told(seen: Snapshot, memory: Memory) -> bool:
    """Whether every task reports if it holds a job, and some task has been seen to hold one."""
    return memory.protecting and seen.work_is_known


def _all_idle(seen: Snapshot, memory: Memory) -> bool:
    """Whether there are tasks and all of them report that they hold no job."""
    return bool(seen.tasks) and _work_is_told(seen, memory) and not seen.at_work


def _waits_for_first_job(run: Run, seen: Snapshot) -> bool:
    """Whether no job was ever seen, and the run is young."""
    jobs = seen.jobs
    none = not (jobs.submitted or jobs.others or jobs.dead_letters)
    return none and seen.now - run.started < FIRST_JOB


def _surplus_lasted(limits: Limits, seen: Snapshot, memory: Memory) -> bool:
    """Whether more messages than submitted jobs were left for longer than stale counts can explain.

    If tasks do not report whether they hold a job, one reading is enough, because nothing else would reveal
    other people's jobs.
    """
    if memory.surplus_since is None:
        return False
    last = max((time for time, left in memory.readings if left), default=0.0)
    return not _work_is_told(seen, memory) or last - memory.surplus_since >= limits.settle


def needed_tasks(limits: Limits, seen: Snapshot, memory: Memory) -> int:
    """Return how many tasks can still have work: at least as many as hold a job now, and at least one.

    Submitted jobs are known by name. Dead letters that have not been read may be some of them, or older ones;
    then the queue's counts decide, at the highest of the last readings, because one low reading proves
    nothing. So they do where messages have several jobs, which one task works off.
    """
    counted = memory.most_left(seen.now, limits.settle)
    if seen.jobs.bundled:
        counted = min(len(seen.jobs.unaccounted), counted)
    elif seen.jobs.submitted:
        unread = max(0, seen.jobs.dead_letters - len(seen.jobs.dead))
        known = len(seen.jobs.unaccounted)
        counted = min(known, max(known - unread, counted))
    return max(1, counted, seen.at_work)


def _need_is_known(limits: Limits, seen: Snapshot, memory: Memory) -> bool:
    """Whether the jobs are known by name, or the counts have been read for long enough to be believed."""
    are_named = bool(seen.jobs.submitted) and not seen.jobs.bundled
    return are_named or seen.now - memory.readings[0][0] >= limits.settle


def shrinking(
    run: Run, limits: Limits, seen: Snapshot, memory: Memory, *, cheapest: bool
) -> Iterator[Action]:
    """Yield the actions that shrink fleet and service to the work that is left.

    A service that wants no tasks has not been started yet, and nothing is lowered then.
    """
    desired = seen.desired or 0
    known = bool(desired) and _need_is_known(limits, seen, memory)
    tasks = min(needed_tasks(limits, seen, memory), desired)
    machines = ceil(tasks / run.tasks_per_machine) if known else seen.target_capacity
    target = 1 if cheapest and seen.now - run.started >= CHEAPEST_AFTER else machines
    can_shrink = seen.fleet_state not in ENDED_FLEET and not seen.target_is_fixed
    if can_shrink and seen.target_capacity > target:
        yield LowerTarget(target)
    if not known:
        return
    if desired > tasks and memory.protecting and seen.work_is_known:
        yield LowerService(tasks)
    if len(seen.tasks) >= desired:
        surplus = max(0, len(seen.alive) - machines)
        idle = [machine for machine in seen.alive if machine.container_instance and not machine.tasks]
        yield from _end(idle[:surplus], "no work is left")


def never_joined(seen: Snapshot) -> Iterator[Action]:
    """Yield actions that end machines which run but never joined the cluster: they cost money and
    do nothing.
    """
    late = [machine for machine in seen.alive if seen.now - machine.launched >= JOIN_DEADLINE]
    outside = [machine for machine in late if not machine.container_instance]
    yield from _end(outside, "not in the cluster 20 minutes after its start")


def _end(machines: Sequence[Machine], why: str) -> Iterator[EndMachines]:
    for start in range(0, len(machines), ENDED_AT_ONCE):
        yield EndMachines(tuple(machines[start : start + ENDED_AT_ONCE]), why)


def alarms(seen: Snapshot) -> Iterator[Action]:
    """Yield actions that create alarms, a few at each look, and delete those of machines that are gone."""
    alive = {machine.instance_id: machine for machine in seen.alive}
    for instance_id in sorted(alive.keys() - seen.alarms)[:ALARMS_A_LOOK]:
        yield AddAlarm(instance_id, alive[instance_id].processors)
    gone = tuple(sorted(seen.alarms - alive.keys()))
    if gone:
        yield DeleteAlarms(gone)
