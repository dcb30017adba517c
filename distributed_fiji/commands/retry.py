"""`retry`: return given-up jobs to the queue, and let a running fleet grow again for them.

First the fleet's target and the service are raised, up to what `startCluster` had set; then the jobs return
as redrive moves them. It may be killed at any point and rerun: no job is lost or left without a task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from distributed_fiji.aws import fleet, queues
from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.cluster import read_desired, start_service
from distributed_fiji.clock import Clock
from distributed_fiji.commands.failures import Failures
from distributed_fiji.commands.redrive import HIDDEN_SECONDS, Redriven, interrupted, redrive
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobnames import called
from distributed_fiji.monitor.result import counted
from distributed_fiji.plates import place_of, read_well
from distributed_fiji.review.groups import find_group
from distributed_fiji.review.jobstates import JobStates, metadata_in
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import Run
from distributed_fiji.state.submissions import all_submissions
from distributed_fiji.terminal import Terminal


@dataclass(frozen=True)
class Choice:
    """Which jobs are meant, in one way: a group, ids, wells, or all that failed."""

    group: str = ""
    jobs: tuple[str, ...] = ()
    wells: tuple[str, ...] = ()
    all: bool = False


def chosen(choice: Choice, found: Failures, left: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the ids of the jobs that are meant. Raises InvalidInput with every one that does not exist.

    `left`: jobs of a killed retry. They count as submitted again, so their group may be gone.
    """
    if choice.all:
        return frozenset(found.by_job) | found.states.dead
    if choice.group:
        if left and find_group(found.groups, choice.group) is None:
            return left
        return frozenset(found.group(choice.group).jobs)
    jobs, problems = list(choice.jobs), []
    problems += [f"--job {job}: no such job" for job in jobs if job not in found.states.submitted]
    for well in choice.wells:
        met = jobs_of_well(well, found.states)
        problems += [] if met else [f"--well {well}: no job has this well"]
        jobs += met
    if problems:
        raise InvalidInput("No jobs were retried", problems)
    return frozenset(jobs)


def find_interrupted(run: Run, clients: Clients) -> frozenset[str]:
    """Return the jobs of a killed redrive or retry that have not been sent again since."""
    return interrupted(all_submissions(clients.s3, run.bucket, run.app_name))


def jobs_of_well(well: str, states: JobStates) -> list[str]:
    """Return the jobs whose metadata name a well (A2 or A02); after a plate's name, only that plate's."""
    plate, _, name = well.rpartition(" ")
    place = read_well(name)
    return [
        job
        for job in sorted(states.submitted)
        if (metadata := metadata_in(states.names.get(job, "")))
        and place is not None
        and place_of(metadata) == place
        and (not plate or plate in map(str, metadata.values()))
    ]


@dataclass(frozen=True)
class Retried:
    """What a retry did. `wanted`: jobs that were meant. `raised`: what was scaled up, a sentence each.

    `interrupted`: jobs of an earlier retry that was interrupted, which go along.
    """

    wanted: frozenset[str]
    redriven: Redriven
    raised: tuple[str, ...]
    is_running: bool
    interrupted: frozenset[str] = frozenset()


def retry(
    settings: Settings,
    clients: Clients,
    run: Run,
    wanted: frozenset[str],
    states: JobStates,
    clock: Clock,
    terminal: Terminal,
    hidden_seconds: int = HIDDEN_SECONDS,
) -> Retried:
    """Return given-up jobs to the queue and scale the run up. Raises NothingThere, InvalidInput, NotSent."""
    running = not states.over and fleet.read_fleet(clients.ec2, run.fleet_id).state in fleet.LIVE_FLEET
    left = find_interrupted(run, clients)
    more = len((wanted & states.dead) | (left - states.done))
    raised = scale_up(run, clients, more) if running and more else []
    done = redrive(settings, clients, clock, terminal, hidden_seconds, only=wanted - states.done)
    return Retried(wanted, done, tuple(raised), running, left - states.done)


def scale_up(run: Run, clients: Clients, more: int) -> list[str]:
    """Raise fleet and service to what the queue's jobs and some more need; return what was raised."""
    attributes = queues.queue_attributes(clients.sqs, run.queue_name)
    left = queues.counts_in(attributes).left if attributes else 0
    tasks = min(left + more, run.machines * run.tasks_per_machine)
    raised = []
    if line := raise_target(run, clients, ceil(tasks / run.tasks_per_machine)):
        raised.append(line)
    desired = read_desired(clients.ecs, run.cluster, run.service)
    if desired is not None and desired < tasks:
        start_service(clients.ecs, run.cluster, run.service, tasks)
        raised.append(f"Raised the service from {counted(desired, 'task')} to {tasks}.")
    return raised


def raise_target(run: Run, clients: Clients, machines: int) -> str:
    """Raise the fleet's target if it is lower; return a sentence, '' if nothing had to be done."""
    seen = fleet.read_fleet(clients.ec2, run.fleet_id)
    if seen.target >= machines:
        return ""
    if not seen.modifiable:
        return f"The fleet's target cannot be changed and stays at {seen.target}."
    clients.ec2.modify_spot_fleet_request(SpotFleetRequestId=run.fleet_id, TargetCapacity=machines)
    return f"Raised the fleet from {counted(seen.target, 'machine')} to {machines}."


def plan_lines(wanted: frozenset[str], states: JobStates, done: Retried) -> Iterable[str]:
    """Yield what a retry would do. `done`: what its dry run did, which receives no letter."""
    yield f"{counted(len(wanted & states.dead), 'job')} to return to the queue"
    if more := len(done.interrupted - wanted):
        yield f"{counted(more, 'job')} of an earlier retry that was interrupted, to return, too"
    if others := len(wanted - states.dead):
        yield f"{counted(others, 'job')} to be left alone: done already, in the queue or with a worker"
    yield from (line.replace("Raised", "Raise", 1) for line in done.raised)


def lines_of(done: Retried, states: JobStates) -> Iterable[str]:
    """Yield what a retry did, and what it left alone and why."""
    moved = done.redriven.jobs
    yield f"Returned {counted(len(moved & done.wanted), 'job')} to the queue."
    if more := len(moved - done.wanted):
        yield f"So did {counted(more, 'job')}: of a retry that was interrupted, or of the same bundle."
    left = done.wanted - moved
    if finished := left & states.done:
        yield f"Left alone: {counted(len(finished), 'job')} already done."
    if waiting := left - states.done - states.dead:
        yield f"Left alone: {counted(len(waiting), 'job')} still in the queue or with a worker."
    if gone := sorted(left & states.dead):
        yield (
            f"Not there any more: the dead letters of {counted(len(gone), 'job')}, for example"
            f" {called(gone[0], states.names)}. `python run.py resubmit JOB_FILE` sends them again."
        )
    yield from done.raised
