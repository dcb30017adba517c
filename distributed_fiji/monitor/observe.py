"""Look at a run: all reads that the monitor makes. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.cluster import read_service
from distributed_fiji.aws.deadletters import DeadLetter, is_own, read_dead_letters
from distributed_fiji.aws.fleet import read_fleet
from distributed_fiji.aws.queues import counts_in, queue_attributes
from distributed_fiji.aws.refusals import is_denied, missing_action
from distributed_fiji.aws.tasks import Task, read_ends, read_protection, read_tasks
from distributed_fiji.aws.telemetry import read_alarms
from distributed_fiji.monitor.jobcount import SECONDS_A_PAGE, WARNED, JobCount, work_is_plenty
from distributed_fiji.monitor.jobcount import WITHOUT_OUTPUTS as EMPTY
from distributed_fiji.monitor.machines import placed, read_machines
from distributed_fiji.monitor.meter import Meter
from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot, Unfinished
from distributed_fiji.state.jobids import LastSubmitted
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run
from distributed_fiji.state.submissions import Submission
from worker.contract.jobs import WARNINGS, WITHOUT_OUTPUTS

#: A few dead letters are read whenever one has come; many when there are a tenth more; more than that only
#: when they may account for all missing jobs.
FEW_LETTERS, MANY_LETTERS, LETTERS_GROWN = 100, 20_000, 1.1

#: A count of more pages than this, each of 1,000 objects, takes longer than the cost of a run can wait.
MANY_PAGES = 100

#: Seconds by which S3's clock may differ from that of SQS, and from that of a user's machine.
CLOCKS_AGREE, CLOCKS_DIFFER = 2, 300


class Observer:
    """Looks at one run again and again, and keeps what need not be read twice."""

    def __init__(self, run: Run, clients: Clients, has_time: Callable[[], bool] = lambda: True) -> None:
        self.run = run
        self.clients = clients
        self.state = JobState(run, clients.s3, has_time)
        self.meter = Meter(
            run, clients, lambda error: self._skip("spot prices; MACHINE_PRICE is used instead", error)
        )
        self._letters: dict[str, list[DeadLetter]] = {}
        self._last: _Counted | None = None
        self._owns_dead_queue: bool | None = None
        self._protection_is_readable = True
        #: What is not checked because a permission is missing: a sentence for each action.
        self.skipped: dict[str, str] = {}

    def observe(self, now: float) -> Snapshot:
        """Return the present state. What costs money is looked at first, and separately from the jobs.

        If reading the queue, jobs, tasks or alarms fails, the snapshot still has the run's cost and the state
        of its fleet. Raises AwsError only if even those cannot be read.
        """
        fleet = read_fleet(self.clients.ec2, self.run.fleet_id)
        machines = read_machines(self.clients.ec2, self.run)
        seen = Snapshot(
            now=now,
            jobs=Jobs(),
            queue=None,
            fleet_state=fleet.state,
            target_capacity=fleet.target,
            target_is_fixed=not fleet.modifiable,
            machines=machines,
            spent=self.meter.read(machines, now),
        )
        try:
            return self._with_work(seen)
        except Exception as error:
            return replace(seen, unread=f"{type(error).__name__}: {error_text(error)}"[:300])

    def _with_work(self, seen: Snapshot) -> Snapshot:
        """Return the snapshot with queue, tasks, alarms and jobs added."""
        run, ecs = self.run, self.clients.ecs
        attributes = queue_attributes(self.clients.sqs, run.queue_name)
        tasks = self._tasks()
        desired, events = read_service(ecs, run.cluster, run.service, run.started)
        found = replace(
            seen,
            queue=counts_in(attributes) if attributes else None,
            machines=placed(ecs, run.cluster, seen.machines),
            tasks=tasks,
            desired=desired,
            alarms=self._alarms(seen.machines),
            ends=()
            if any(task.at_work for task in tasks)
            else read_ends(ecs, run.cluster, run.task_family, run.app_name, run.started),
            events=events,
        )
        return self.with_jobs(found, attributes)

    def with_jobs(self, seen: Snapshot, attributes: dict[str, str] | None) -> Snapshot:
        """Return the snapshot with the jobs: counted now, or lately where that is enough.

        A run that has cost too much does not wait for a long count: its jobs are counted after its end.
        """
        submissions = self._submissions(attributes)
        if last := self._last:
            lasts = work_is_plenty(seen) and seen.now - last.at < SECONDS_A_PAGE * last.pages
            is_dear = 0 < self.run.max_cost <= seen.spent and last.pages > MANY_PAGES
            if (lasts or is_dear) and submissions is last.submissions:
                return replace(seen, jobs=last.jobs, counted=last.at)
        before = self.state.pages
        jobs = self._count(attributes, submissions)
        self._last = _Counted(jobs, seen.now, self.state.pages - before, submissions)
        return replace(seen, jobs=jobs)

    def _alarms(self, machines: tuple[Machine, ...]) -> frozenset[str]:
        """Return which machines have an alarm. If that cannot be read, behave as if none had to be created or
        deleted.
        """
        try:
            return read_alarms(self.clients.cloudwatch, self.run.app_name)
        except AwsError as error:
            self._skip("which machines have an alarm; none is created or removed", error)
            return frozenset(machine.instance_id for machine in machines if machine.alive)

    def _tasks(self) -> tuple[Task, ...]:
        tasks = read_tasks(self.clients.ecs, self.run.cluster, self.run.task_family)
        if not tasks or not self._protection_is_readable:
            return tasks
        try:
            working = read_protection(self.clients.ecs, self.run.cluster, [task.arn for task in tasks])
        except ClientError as error:
            self._skip("which workers hold a job; machines end later", error)
            # Unknown at this look. It is asked again next time, unless it is not permitted.
            self._protection_is_readable = not is_denied(error)
            return tasks
        return tuple(replace(task, at_work=working.get(task.arn)) for task in tasks)

    def _skip(self, what: str, error: Exception) -> None:
        """Note what is not checked because a permission is missing: the run is watched anyway."""
        if is_denied(error):
            self.skipped[missing_action(error)] = f"not checked: {what} ({error_text(error)})"

    def read_jobs(self, attributes: dict[str, str] | None, *, letters: bool = True) -> Jobs:
        """Return the state of the jobs submitted since the queue was created, or to its last life if it is
        gone.

        `letters`: whether dead letters may be read, which hides them for a while; without, none of them
        is counted.
        """
        return self._count(attributes, self._submissions(attributes), letters=letters)

    def _count(
        self, attributes: dict[str, str] | None, submissions: list[Submission], *, letters: bool = True
    ) -> Jobs:
        state = self.state
        jobs = JobCount(state.last_submitted if submissions else LastSubmitted([], []), self.run.started)
        for job, written in state.manifests():
            jobs.add_manifest(job, written)
        for job, _, written in state.failure_records():
            jobs.add_failure(job, written)
        for kind, mark in ((WARNINGS, WARNED), (WITHOUT_OUTPUTS, EMPTY)):
            for job in state.marked(kind):
                jobs.add_mark(job, mark)
        own, count, url = self._dead_queue() if letters else (False, 0, None)
        if url and self._are_letters_wanted(jobs.missing, count):
            self._read_letters(url, count)
        slack = CLOCKS_AGREE if all(submission.by_aws for submission in submissions) else CLOCKS_DIFFER
        for letter in chain.from_iterable(self._letters.values()):
            jobs.add_letter(letter, float(self._created(attributes) or 0), slack)
        found = jobs.counted(count if own else None, _unfinished(submissions))
        return replace(found, bundled=any(one.bundle > 1 for one in submissions))

    def _created(self, attributes: dict[str, str] | None) -> str:
        return attributes["CreatedTimestamp"] if attributes else self.run.queue_created

    def _submissions(self, attributes: dict[str, str] | None) -> list[Submission]:
        created = self._created(attributes)
        return self.state.submissions(created) if created else []

    def _dead_queue(self) -> tuple[bool, int, str | None]:
        """Return whether the dead-letter queue belongs to this app alone, its count, and its URL."""
        sqs, name = self.clients.sqs, self.run.dead_letter_queue
        attributes = queue_attributes(sqs, name)
        if attributes is None:
            return False, 0, None
        url = attributes["QueueUrl"]
        if self._owns_dead_queue is None:
            self._owns_dead_queue = is_own(sqs, url, name, self.run.app_name)
        return self._owns_dead_queue, counts_in(attributes).left, url

    def _are_letters_wanted(self, missing: int, count: int) -> bool:
        """Whether to read the dead letters: a few at once; many if there are more than before, or if all
        missing jobs may be among them, of which those read before show how many a letter has.

        Reading hides them for a while, and each ten take one receive.
        """
        grown = len(self._letters) * LETTERS_GROWN <= count <= MANY_LETTERS
        most = count * max(map(len, self._letters.values()), default=1)
        return bool(missing) and (missing <= most or count <= FEW_LETTERS or grown)

    def _read_letters(self, url: str, count: int) -> None:
        """Read the dead letters unless all are known. Fewer than known means that some went back to the
        queue.
        """
        if count < len(self._letters):
            self._letters.clear()
        if count > len(self._letters):
            letters = read_dead_letters(self.clients.sqs, url, count)
            self._letters.update((one.message_id, []) for one in letters)
            for one in letters:
                self._letters[one.message_id].append(replace(one, body=""))


@dataclass(frozen=True)
class _Counted:
    """The jobs as they were last counted: when, by how many pages of listings, for which submissions."""

    jobs: Jobs
    at: float
    pages: int
    submissions: list[Submission]


def _unfinished(submissions: list[Submission]) -> Iterator[Unfinished]:
    """Yield the incomplete submissions, except those whose jobs were all submitted again later."""
    for number, submission in enumerate(submissions):
        if submission.complete:
            continue
        later = [one.job_ids for one in submissions[number + 1 :] if one.complete]
        if not all(any(job in jobs for jobs in later) for job in submission.job_ids):
            yield Unfinished(submission.job_file, len(submission.job_ids), submission.submitted_at)


def phases(machines: tuple[Machine, ...]) -> Counter[str]:
    """Count machines as 'starting' (not joined yet), 'idle' or 'at work' (with a task)."""
    return Counter(
        "starting" if not machine.container_instance else "at work" if machine.tasks else "idle"
        for machine in machines
        if machine.alive
    )
