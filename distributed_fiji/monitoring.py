"""What to do next about a run: a pure function from what was seen to a list of named actions.

Standard library only and no calls: the terminal loop and the janitor share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from distributed_fiji.plans import (
    Action,
    AddAlarm,
    DeleteAlarms,
    End,
    EndMachine,
    LowerService,
    LowerTarget,
    TakeDown,
)
from distributed_fiji.runfacts import RunFacts
from distributed_fiji.snapshot import Snapshot

#: Seconds after the start when the cheapest mode stops replacing machines (the original's 15 minutes).
CHEAPEST_AFTER = 15 * 60

#: Seconds after the start in which a queue that never held a job does not end the run: it may be filled yet.
FIRST_JOB = 15 * 60

#: Seconds after its launch when a machine that never joined the cluster is ended.
JOIN_DEADLINE = 20 * 60

#: States of a spot fleet in which it starts no machine any more (EC2 API reference, BatchState).
ENDED_FLEET = frozenset({"", "cancelled", "cancelled_running", "cancelled_terminating", "failed"})


@dataclass(frozen=True)
class Limits:
    """How long the queue must read empty, in seconds.

    `settle`: before jobs that nothing else accounts for count as worked off; two readings at least.
    SQS's counts may be wrong for a minute or more. `vanish`: before submitted jobs that are nowhere
    count as lost.
    """

    settle: float = 100
    vanish: float = 300

    @staticmethod
    def of(run: RunFacts) -> Limits:
        """Return the limits of a run: the embedded cloud's counts are exact, so that it need not wait."""
        return Limits(settle=3, vanish=20) if run.local else Limits()


@dataclass(frozen=True)
class Memory:
    """What is kept between looks: recent readings (time, messages left) and when surplus was first seen.

    `accounted`: jobs accounted for at the last look; while that grows, work goes on whatever the counts say.
    `protecting`: a task that protects itself was seen, so that tasks without protection are idle; a worker
    that never does says nothing by it.
    """

    readings: tuple[tuple[float, int], ...] = ()
    surplus_since: float | None = None
    accounted: int = 0
    protecting: bool = False

    def empty_for(self, now: float) -> float:
        """Seconds since the first of the unbroken latest readings of zero; 0 where the latest is not."""
        first = now
        for time, left in reversed(self.readings):
            if left:
                break
            first = time
        return now - first

    def most_left(self, now: float, seconds: float) -> int:
        """Return the highest reading of the last seconds."""
        return max((left for time, left in self.readings if time >= now - seconds), default=0)


def decide(
    run: RunFacts, limits: Limits, seen: Snapshot, memory: Memory, *, cheapest: bool = False
) -> tuple[list[Action], Memory]:
    """Return what to do about what was seen, and what to remember for the next look."""
    memory = remember(memory, seen, limits)
    end = ending(run, limits, seen, memory)
    if end is not None:
        return [TakeDown(end)], memory
    actions = [
        *shrinking(run, limits, seen, memory, cheapest=cheapest),
        *never_joined(seen),
        *alarms(seen),
    ]
    return actions, memory


def remember(memory: Memory, seen: Snapshot, limits: Limits) -> Memory:
    """Return the memory with this look in it.

    A job that was accounted for since the last look contradicts readings of zero: they are dropped.
    """
    accounted = len(seen.jobs.fresh | seen.jobs.dead) + seen.jobs.others
    old = () if accounted > memory.accounted else memory.readings
    horizon = seen.now - 2 * limits.vanish
    kept = tuple(reading for reading in old if reading[0] >= horizon)
    surplus = bool(seen.jobs.submitted) and not seen.jobs.unproved and seen.left > 0
    return replace(
        memory,
        readings=(*kept, (seen.now, seen.left)),
        surplus_since=(memory.surplus_since or seen.now) if surplus else memory.surplus_since,
        accounted=accounted,
        protecting=memory.protecting or seen.at_work > 0,
    )


def ending(run: RunFacts, limits: Limits, seen: Snapshot, memory: Memory) -> End | None:
    """Return why the run is over, or None while it is not.

    Submitted jobs are counted by their manifests and dead letters, whatever the queue's counts say;
    messages that are left when all are accounted for may be other people's and are waited for.
    """
    if seen.queue is None:
        return End.QUEUE_GONE
    empty_for = memory.empty_for(seen.now)
    idle = seen.left == 0 and not seen.at_work
    settled = idle and empty_for >= limits.settle
    jobs = seen.jobs
    if jobs.submitted and not jobs.unproved:
        others = memory.surplus_since is not None and _surplus_lasted(limits, memory)
        if seen.left == 0 and (settled or not others):
            return End.ACCOUNTED
    elif not jobs.unaccounted and settled and not _waits_for_first_job(run, seen):
        return End.SETTLED
    elif idle and empty_for >= limits.vanish:
        return End.LOST
    if seen.fleet_state in ENDED_FLEET and not seen.alive:
        return End.NO_FLEET
    return None


def _waits_for_first_job(run: RunFacts, seen: Snapshot) -> bool:
    """Whether no job was ever seen, and the run is young."""
    jobs = seen.jobs
    none = not (jobs.submitted or jobs.others or jobs.dead_letters)
    return none and seen.now - run.started < FIRST_JOB


def _surplus_lasted(limits: Limits, memory: Memory) -> bool:
    """Whether messages were left for longer than a stale count can say so."""
    last = max((time for time, left in memory.readings if left), default=0.0)
    return memory.surplus_since is not None and last - memory.surplus_since >= limits.settle


def needed_tasks(limits: Limits, seen: Snapshot, memory: Memory) -> int:
    """Return how many tasks can still have work, never fewer than hold a job now, one at least.

    Submitted jobs are known by name; letters that were not read yet may be some of them, or older ones,
    and then the counts decide. These are taken at their highest of the last readings, since one low
    reading proves nothing.
    """
    counted = memory.most_left(seen.now, limits.settle)
    if seen.jobs.submitted:
        unread = max(0, seen.jobs.dead_letters - len(seen.jobs.dead))
        known = len(seen.jobs.unproved)
        counted = min(known, max(known - unread, counted))
    return max(1, counted, seen.at_work)


def _need_is_known(limits: Limits, seen: Snapshot, memory: Memory) -> bool:
    """Whether the jobs are known by name, or the counts were read for long enough to be believed."""
    return bool(seen.jobs.submitted) or seen.now - memory.readings[0][0] >= limits.settle


def shrinking(
    run: RunFacts, limits: Limits, seen: Snapshot, memory: Memory, *, cheapest: bool
) -> Iterator[Action]:
    """Yield what makes fleet and service as small as the work that is left.

    A service that wants no task has not been started yet: nothing is lowered then.
    """
    desired = seen.desired or 0
    known = bool(desired) and _need_is_known(limits, seen, memory)
    tasks = min(needed_tasks(limits, seen, memory), desired)
    machines = ceil(tasks / run.tasks_per_machine) if known else seen.target_capacity
    target = 1 if cheapest and seen.now - run.started >= CHEAPEST_AFTER else machines
    if seen.fleet_state not in ENDED_FLEET and seen.target_capacity > target:
        yield LowerTarget(target)
    if not known:
        return
    if desired > tasks and memory.protecting and seen.work_is_known:
        yield LowerService(tasks)
    if len(seen.tasks) >= desired:
        surplus = max(0, len(seen.alive) - machines)
        idle = [machine for machine in seen.alive if machine.container_instance and not machine.tasks]
        yield from (EndMachine(machine, "no work is left for it") for machine in idle[:surplus])


def never_joined(seen: Snapshot) -> Iterator[Action]:
    """Yield the end of machines that run without ever joining the cluster: they cost and do nothing."""
    for machine in seen.alive:
        if not machine.container_instance and seen.now - machine.launched >= JOIN_DEADLINE:
            yield EndMachine(machine, "it did not join the cluster within 20 minutes")


def alarms(seen: Snapshot) -> Iterator[Action]:
    """Yield what gives every machine its alarm, and takes away those of machines that are gone."""
    alive = {machine.instance_id for machine in seen.alive}
    yield from (AddAlarm(instance_id) for instance_id in sorted(alive - seen.alarms))
    gone = tuple(sorted(seen.alarms - alive))
    if gone:
        yield DeleteAlarms(gone)
