"""What one look at a run finds: jobs, queue, machines, tasks, fleet. Plain values, no calls."""

from __future__ import annotations

from dataclasses import dataclass

from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task, TaskEnd

#: What ECS says of a task before its container has begun (ECS developer guide, "Task lifecycle").
NOT_YET_RUNNING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})


@dataclass(frozen=True)
class Unfinished:
    """A submission whose last message was not yet noted as sent: submitJob runs, or was interrupted.

    `jobs`: how many its job file has. `submitted_at`: seconds since 1970.
    """

    job_file: str
    jobs: int
    submitted_at: float


@dataclass(frozen=True)
class Jobs:
    """What became of the jobs of this life of the queue, by job id.

    `done_ids`: jobs with a manifest written since they were submitted; a worker that finds an older one to
    hold writes it anew. What an earlier run did proves nothing: its job may be about to run again. `dead`: a
    dead letter of this submission. `others`: manifests since the run's start of jobs that no submission
    names. `failed_attempts`: failure records since the submission. `outdated`: jobs that have a manifest, but
    of an earlier run. `failing`: jobs with a failed attempt that are not done. `warned`, `without_outputs`:
    how many of the jobs that are done are so with warnings, or left no output, as they may where
    EXPECTED_NUMBER_FILES = 0. `unfinished`: submissions that are not complete.
    """

    submitted: frozenset[str] = frozenset()
    done_ids: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()
    others: int = 0
    dead_letters: int = 0
    failed_attempts: int = 0
    outdated: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    warned: int = 0
    without_outputs: int = 0
    unfinished: tuple[Unfinished, ...] = ()

    @property
    def done(self) -> int:
        return len(self.done_ids) + self.others

    @property
    def unaccounted(self) -> frozenset[str]:
        """Submitted jobs that are neither done nor dead."""
        return self.submitted - self.done_ids - self.dead

    @property
    def gone_dead(self) -> int:
        """Jobs given up: those known by name, or the count where no submission names them."""
        return len(self.dead) if self.submitted else self.dead_letters


@dataclass(frozen=True)
class Machine:
    """An instance of the fleet, ended ones too while EC2 remembers them.

    `container_instance` is empty until it has joined the cluster. `tasks`: running and pending tasks on it,
    of whatever service. `kind`: its machine type. `gone_since`: when it ended, where EC2 says so.
    `processors`: how many it has; 0 where EC2 does not say it. `why_ended`: EC2's reason, as
    "Client.InternalError: Client error on launch"; '' for one that has not ended.
    """

    instance_id: str
    state: str
    launched: float
    container_instance: str = ""
    tasks: int = 0
    kind: str = ""
    zone: str = ""
    gone_since: float | None = None
    processors: int = 0
    why_ended: str = ""

    @property
    def alive(self) -> bool:
        """Whether it works or is about to."""
        return self.state in ("pending", "running")

    @property
    def billed(self) -> bool:
        """Whether it is billed, or about to be; shutting down is not (EC2 user guide)."""
        return self.state in ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Snapshot:
    """One look at everything. `queue` None: there is none; `fleet_state` '': there is no such fleet.

    `target_is_fixed`: the fleet replaces no machine, and its target cannot be changed.
    `desired`: tasks that the service wants; None: there is no service. `spent`: dollars, an estimate.
    `unread`: why queue, jobs or tasks could not be looked at, so that they say nothing; '' where they were.
    `ends`: how tasks of this run ended, the latest first; not looked at while a task holds a job. `events`:
    what ECS says of the service, the latest first.
    """

    now: float
    jobs: Jobs
    queue: Counts | None
    fleet_state: str
    target_capacity: int
    machines: tuple[Machine, ...] = ()
    tasks: tuple[Task, ...] = ()
    desired: int | None = None
    alarms: frozenset[str] = frozenset()
    spent: float = 0.0
    unread: str = ""
    ends: tuple[TaskEnd, ...] = ()
    events: tuple[str, ...] = ()
    target_is_fixed: bool = False

    @property
    def left(self) -> int:
        """Messages in the queue, by its counts."""
        return self.queue.left if self.queue else 0

    @property
    def alive(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self.machines if machine.alive)

    @property
    def at_work(self) -> int:
        """Tasks known to hold a job."""
        return sum(1 for task in self.tasks if task.at_work)

    @property
    def work_is_known(self) -> bool:
        """Whether every task says if it holds a job, so that lowering the service ends no work.

        One that does not run yet holds none, and ECS says nothing of its protection.
        """
        return all(task.at_work is not None for task in self.tasks if task.status not in NOT_YET_RUNNING)
