"""What one look at a run finds: jobs, queue, machines, tasks, fleet. Plain values without calls."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task, TaskEnd

#: What ECS says of a task before its container has begun (ECS developer guide, "Task lifecycle").
NOT_YET_RUNNING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})


@dataclass(frozen=True)
class Unfinished:
    """A submission not yet marked as complete: submitJob is still running, or was interrupted.

    `jobs`: how many its job file has. `submitted_at`: seconds since 1970.
    """

    job_file: str
    jobs: int
    submitted_at: float


@dataclass(frozen=True)
class Jobs:
    """The state of the jobs submitted to this queue since it was created, by job ID.

    `done_ids`: jobs with a manifest written since they were submitted. (A worker that finds a valid older
    manifest writes it again. A manifest from an earlier run proves nothing: its job may be about to run
    again.) `dead`: jobs with a dead letter from this submission. `others`: manifests, written since the run
    started, of jobs that no submission names. `failed_attempts`: failure records since the submission.
    `outdated`: jobs whose only manifest is from an earlier run. `failing`: unfinished jobs with a failed
    attempt. `warned`, `without_outputs`: how many finished jobs have warnings, or have no outputs, which
    EXPECTED_NUMBER_FILES = 0 allows; `to_check`: their IDs. `unfinished`: submissions that are not complete.
    `written`: when the manifests of `done_ids` were written (seconds since 1970). `last_done`, `last_failed`:
    when the newest manifest and failure record that count were written, 0 if there is none. `bundled`: a
    message may have several jobs.
    """

    submitted: Set[str] = frozenset()
    done_ids: Set[str] = frozenset()
    dead: Set[str] = frozenset()
    others: int = 0
    dead_letters: int = 0
    failed_attempts: int = 0
    outdated: Set[str] = frozenset()
    failing: Set[str] = frozenset()
    warned: int = 0
    without_outputs: int = 0
    unfinished: tuple[Unfinished, ...] = ()
    to_check: Set[str] = frozenset()
    written: Sequence[float] = ()
    last_done: float = 0.0
    last_failed: float = 0.0
    bundled: bool = False

    @property
    def done(self) -> int:
        return len(self.done_ids) + self.others

    @property
    def unaccounted(self) -> Set[str]:
        """Submitted jobs that are neither done nor dead."""
        return self.submitted - self.done_ids - self.dead

    @property
    def gone_dead(self) -> int:
        """Number of jobs given up: those known by name, or the dead-letter count if no submission
        names them.
        """
        return len(self.dead) if self.submitted else self.dead_letters


@dataclass(frozen=True)
class Machine:
    """An instance of the fleet. Ended ones are included for as long as EC2 lists them.

    `container_instance` is empty until it has joined the cluster. `tasks`: running and pending tasks on it,
    of any service. `kind`: its machine type. `gone_since`: when it ended, if EC2 says so. `processors`: how
    many it has; 0 if EC2 does not say. `why_ended`: EC2's reason, such as "Client.InternalError: Client error
    on launch"; '' while it has not ended. `subnet`, `profile`: its subnet and the name of its instance
    profile, '' if it has none. `public`: whether it has a public address.
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
    subnet: str = ""
    profile: str = ""
    public: bool = False

    @property
    def alive(self) -> bool:
        """Whether it works or is about to."""
        return self.state in ("pending", "running")

    @property
    def billed(self) -> bool:
        """Whether it is billed, or about to be; a machine that is shutting down is not (EC2 user guide)."""
        return self.state in ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Snapshot:
    """One look at everything. `queue` is None if there is none; `fleet_state` is '' if there is no such
    fleet.

    `target_is_fixed`: the fleet replaces no machine, and its target cannot be changed. `desired`: how many
    tasks the service wants; None if there is no service. `spent`: estimated dollars. `unread`: why queue,
    jobs or tasks could not be read; they then say nothing. `ends`: how tasks of this run ended, latest first;
    not read while a task holds a job. `events`: the service's ECS events, latest first. `counted`: when the
    jobs were counted (seconds since 1970), if that was at an earlier look; their counts prove nothing then.
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
    counted: float | None = None

    @property
    def left(self) -> int:
        """Messages in the queue, according to its counts."""
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
        """Whether every running task reports if it holds a job, so that lowering the service ends no work.

        A task that is not running yet holds none, and ECS does not report its protection.
        """
        return all(task.at_work is not None for task in self.tasks if task.status not in NOT_YET_RUNNING)
