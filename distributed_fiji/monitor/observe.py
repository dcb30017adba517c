"""Look at a run: all reads that the monitor makes. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.cluster import read_service
from distributed_fiji.aws.deadletters import DeadLetter, is_own, read_dead_letters
from distributed_fiji.aws.fleet import read_fleet
from distributed_fiji.aws.queues import counts_in, queue_attributes
from distributed_fiji.aws.refusals import is_denied, missing_action
from distributed_fiji.aws.tasks import Task, read_ends, read_protection, read_tasks
from distributed_fiji.aws.telemetry import read_alarms
from distributed_fiji.monitor.machines import placed, read_machines
from distributed_fiji.monitor.meter import Meter
from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot, Unfinished
from distributed_fiji.state.jobstate import JobState, submitted_at
from distributed_fiji.state.record import Run
from distributed_fiji.state.submissions import Submission
from worker.contract.jobs import WARNINGS, WITHOUT_OUTPUTS

#: A few dead letters are read whenever one has come; many when there are a tenth more; more than that only
#: when they may account for all missing jobs.
FEW_LETTERS, MANY_LETTERS, LETTERS_GROWN = 100, 5000, 1.1

#: Seconds by which S3's clock may differ from that of SQS, and from that of a user's machine.
CLOCKS_AGREE, CLOCKS_DIFFER = 2, 300


class Observer:
    """Looks at one run again and again, and keeps what need not be read twice."""

    def __init__(self, run: Run, clients: Clients) -> None:
        self.run = run
        self.clients = clients
        self.state = JobState(run, clients.s3)
        self.meter = Meter(
            run, clients, lambda error: self._skip("spot prices; MACHINE_PRICE is used instead", error)
        )
        self._letters: dict[str, DeadLetter] = {}
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
        """Return the snapshot with queue, jobs, tasks and alarms added."""
        run, ecs = self.run, self.clients.ecs
        attributes = queue_attributes(self.clients.sqs, run.queue_name)
        tasks = self._tasks()
        desired, events = read_service(ecs, run.cluster, run.service, run.started)
        return replace(
            seen,
            jobs=self.read_jobs(attributes),
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

        `letters`: whether dead letters may be read, which hides them for half a minute; without, none of them
        is counted.
        """
        created = attributes["CreatedTimestamp"] if attributes else self.run.queue_created
        submissions = self.state.submissions(created) if created else []
        when = submitted_at(submissions)
        manifests = self.state.manifests()
        mine = {job: written for job, written in manifests.items() if job in when}
        # S3 gives times in whole seconds.
        done = {job for job, written in mine.items() if written >= int(when[job])}
        failures = self.state.failures()
        own, count, url = self._dead_queue() if letters else (False, 0, None)
        if url and self._are_letters_wanted(len(when.keys() - done), count):
            self._read_letters(url, count)
        slack = CLOCKS_AGREE if all(submission.by_aws for submission in submissions) else CLOCKS_DIFFER
        dead = self._dead(when, float(created or 0), slack) - done
        fresh = done | _written_since(manifests, when, self.run.started)
        failing = {
            job: records[-1][1]
            for job, records in failures.items()
            if job not in fresh and records[-1][1] >= int(when.get(job, self.run.started))
        }
        warned, without = (self.state.marked(kind) & fresh for kind in (WARNINGS, WITHOUT_OUTPUTS))
        return Jobs(
            submitted=frozenset(when),
            done_ids=frozenset(done),
            dead=frozenset(dead),
            others=len(fresh - done),
            dead_letters=count if own else len(dead),
            failed_attempts=sum(
                written >= int(when.get(job, self.run.started))
                for job, records in failures.items()
                for _, written in records
            ),
            outdated=frozenset(mine.keys() - done),
            failing=frozenset(failing),
            last_done=max((manifests[job] for job in fresh), default=0.0),
            last_failed=max(failing.values(), default=0.0),
            warned=len(warned),
            without_outputs=len(without),
            to_check=warned | without,
            unfinished=_unfinished(submissions),
        )

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
        missing jobs may be among them.

        Reading hides them for half a minute, and each ten take one receive.
        """
        grown = len(self._letters) * LETTERS_GROWN <= count <= MANY_LETTERS
        return bool(missing) and (missing <= count or count <= FEW_LETTERS or grown)

    def _read_letters(self, url: str, count: int) -> None:
        """Read the dead letters unless all are known. Fewer than known means that some went back to the
        queue.
        """
        if count < len(self._letters):
            self._letters.clear()
        if count > len(self._letters):
            self._letters.update(
                (it.message_id, it) for it in read_dead_letters(self.clients.sqs, url, count)
            )

    def _dead(self, when: dict[str, float], queue_created: float, slack: float) -> set[str]:
        """Return the submitted jobs with a dead letter that was sent since the queue was created.

        A job that was submitted several times is dead only by a letter from its last submission. `slack`:
        seconds by which the clock of the submissions may differ from that of SQS.
        """
        return {
            letter.job_id
            for letter in self._letters.values()
            if letter.job_id in when and letter.sent >= max(queue_created, when[letter.job_id] - slack)
        }


def _unfinished(submissions: list[Submission]) -> tuple[Unfinished, ...]:
    """Return the incomplete submissions, except those whose jobs were all submitted again later."""
    found = []
    for number, submission in enumerate(submissions):
        later = (one.job_ids for one in submissions[number + 1 :] if one.complete)
        if not submission.complete and set(submission.job_ids).difference(*later):
            found.append(Unfinished(submission.job_file, len(submission.job_ids), submission.submitted_at))
    return tuple(found)


def _written_since(manifests: dict[str, float], submitted: dict[str, float], start: float) -> set[str]:
    """Return the jobs that no submission names and that were finished since the run started."""
    return {job for job, written in manifests.items() if job not in submitted and written >= int(start)}


def phases(machines: tuple[Machine, ...]) -> Counter[str]:
    """Count machines as 'starting' (not joined yet), 'idle' or 'at work' (with a task)."""
    return Counter(
        "starting" if not machine.container_instance else "at work" if machine.tasks else "idle"
        for machine in machines
        if machine.alive
    )
