"""All reads that doctor makes, each by itself: what may not be read hides nothing else. Nothing is changed.

Reads are bounded: of machines, tasks and ended tasks in the cluster the first thousand. No dead letter is
received, since that would hide it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from distributed_fiji.aws.clients import AwsError, Clients, error_code, error_text
from distributed_fiji.aws.cluster import events_since, find_service, read_environment
from distributed_fiji.aws.deadletters import is_own
from distributed_fiji.aws.documents import named_cluster
from distributed_fiji.aws.fleet import FleetView, fleet_errors, read_fleet
from distributed_fiji.aws.machines import read_user_data
from distributed_fiji.aws.network import read_ways_out
from distributed_fiji.aws.queues import counts_in, queue_attributes
from distributed_fiji.aws.refusals import keys_are_over
from distributed_fiji.aws.tasks import (
    TaskEnd,
    read_container_instances,
    read_ends,
    read_protection,
    read_tasks,
)
from distributed_fiji.checks.cloud import network_findings
from distributed_fiji.doctor.evidence import Evidence
from distributed_fiji.doctor.work import is_idle
from distributed_fiji.monitor.lastwords import read_lines
from distributed_fiji.monitor.machines import placed_in, read_machines
from distributed_fiji.monitor.notdone import find_failing
from distributed_fiji.monitor.nothingruns import in_a_row
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.result import read_verdict
from distributed_fiji.monitor.snapshot import Jobs, Snapshot
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run

Value = TypeVar("Value")

#: Most machines, and most tasks of each kind, that are read in the cluster: ten calls for each.
MOST = 1000

#: S3's code if the bucket does not exist.
NO_BUCKET = "NoSuchBucket"

#: Most machines that have not joined whose subnets are looked at, and most failing jobs that are named.
FEW = 3


@dataclass
class Reader:
    """Reads, and notes what could not be read."""

    run: Run
    clients: Clients
    unseen: dict[str, str] = field(default_factory=dict)

    def look(self, name: str, read: Callable[[], Value]) -> Value | None:
        """Return what a reading finds; None if it is refused. Raises if keys or bucket are gone."""
        try:
            return read()
        except AwsError as error:
            if keys_are_over(error) or error_code(error) == NO_BUCKET:
                raise
            self.unseen.setdefault(name, error_text(error))
            return None


def gather(run: Run, clients: Clients, now: float, other_queue: str = "") -> Evidence:
    """Return what can be seen of a run. `other_queue`: the queue in config.py if it is not the run's."""
    caller = f"AWS account {clients.account}, {clients.region}, as {clients.caller['Arn']}"
    empty = Evidence(run, Snapshot(now, Jobs(), None, "", 0), caller, other_queue=other_queue)
    try:
        return _gather(Reader(run, clients), empty)
    except clients.s3.exceptions.NoSuchBucket:
        return replace(empty, has_bucket=False)


def _gather(reader: Reader, empty: Evidence) -> Evidence:
    """Return the evidence with all that could be read."""
    run, clients, now = reader.run, reader.clients, empty.seen.now
    verdict = reader.look("ending", lambda: read_verdict(clients.s3, run) if run.run_id else None)
    if verdict:
        attributes = reader.look("queue", lambda: queue_attributes(clients.sqs, run.queue_name))
        seen = Snapshot(now, Jobs(), counts_in(attributes) if attributes else None, "", 0)
        return replace(empty, seen=seen, verdict=verdict, unseen=reader.unseen)
    seen, definition, lost = _look_at_run(reader, now)
    found = replace(empty, seen=seen, lost=lost, unseen=reader.unseen)
    found = replace(found, **_about_jobs(reader, found))
    if not run.fleet_id:
        return found
    found = replace(found, **_about_machines(reader, seen))
    return replace(found, **_about_tasks(reader, found, definition))


def _look_at_run(reader: Reader, now: float) -> tuple[Snapshot, str, int]:
    """Return the state of queue, jobs, fleet and tasks, the service's task definition, and how many machines
    have lost their connection to ECS.
    """
    run, clients, look = reader.run, reader.clients, reader.look
    attributes = look("queue", lambda: queue_attributes(clients.sqs, run.queue_name))
    observer = Observer(run, clients)
    jobs = look("jobs", lambda: observer.read_jobs(attributes, letters=False)) or Jobs()
    queue = counts_in(attributes) if attributes else None
    if not run.fleet_id:
        return Snapshot(now, jobs, queue, "", 0), "", 0
    fleet = look("fleet", lambda: read_fleet(clients.ec2, run.fleet_id)) or FleetView()
    machines = look("machines", lambda: read_machines(clients.ec2, run)) or ()
    joined = look("cluster", lambda: read_container_instances(clients.ecs, run.cluster, MOST)) or {}
    service = look("service", lambda: find_service(clients.ecs, run.cluster, run.service))
    tasks = look("tasks", lambda: read_tasks(clients.ecs, run.cluster, run.task_family, most=MOST)) or ()
    arns = [task.arn for task in tasks]
    working = look("protection", lambda: read_protection(clients.ecs, run.cluster, arns) if arns else {})
    seen = Snapshot(
        now=now,
        jobs=jobs,
        queue=queue,
        fleet_state=fleet.state,
        target_capacity=fleet.target,
        target_is_fixed=bool(fleet.state) and not fleet.modifiable,
        machines=placed_in(joined, machines),
        tasks=tuple(replace(task, at_work=(working or {}).get(task.arn)) for task in tasks),
        desired=service["desiredCount"] if service else None,
        events=events_since(service, run.started) if service else (),
        ends=look("tasks", lambda: _ends(reader)) or (),
    )
    places = [joined[one.instance_id] for one in seen.alive if one.instance_id in joined]
    lost = sum(not place["agentConnected"] for place in places)
    return seen, service["taskDefinition"] if service else "", lost


def _ends(reader: Reader) -> tuple[TaskEnd, ...]:
    run = reader.run
    return read_ends(reader.clients.ecs, run.cluster, run.task_family, run.app_name, run.started, MOST)


def _about_jobs(reader: Reader, found: Evidence) -> dict[str, Any]:
    """Return what explains an empty queue, or jobs that fail."""
    run, clients, seen = reader.run, reader.clients, found.seen
    known: dict[str, Any] = {}
    if not seen.left:
        known["dead"] = reader.look("dead letters", lambda: _dead_letters(reader)) or 0
        if found.other_queue:
            there = reader.look("other queue", lambda: queue_attributes(clients.sqs, found.other_queue))
            known["waiting_there"] = counts_in(there).left if there else 0
    if seen.jobs.failing and seen.jobs.last_done < int(run.started):
        state, jobs = JobState(run, clients.s3), sorted(seen.jobs.failing)[:FEW]
        failing = reader.look("failures", lambda: find_failing(run, state, jobs))
        known["failed"] = tuple(one.line.strip() for one in failing or ())
    return known


def _dead_letters(reader: Reader) -> int:
    """Return how many dead letters the app has; 0 if others share the queue."""
    sqs, run = reader.clients.sqs, reader.run
    there = queue_attributes(sqs, run.dead_letter_queue)
    if there is None or not is_own(sqs, there["QueueUrl"], run.dead_letter_queue, run.app_name):
        return 0
    return counts_in(there).left


def _about_machines(reader: Reader, seen: Snapshot) -> dict[str, Any]:
    """Return what explains that machines do not come, or do not join."""
    run, clients = reader.run, reader.clients
    known: dict[str, Any] = {}
    if len(seen.alive) < max(seen.target_capacity, 1):
        since = run.started - 60
        errors = reader.look("errors", lambda: fleet_errors(clients.ec2, run.fleet_id, since))
        known["errors"] = tuple(errors or ())
    if seen.alive and not any(one.container_instance for one in seen.alive):
        known["joins"] = reader.look("template", lambda: _cluster_named(reader)) or ""
        known["profile"] = (
            reader.look("profile", lambda: _profile_problem(reader, seen.alive[0].profile)) or ""
        )
        known["network"] = reader.look("network", lambda: _network_problems(reader, seen)) or ()
    return known


def _cluster_named(reader: Reader) -> str:
    """Return the cluster in the user data of the run's launch template."""
    configs = reader.run.fleet_request.get("LaunchTemplateConfigs", [])
    named = {"LaunchTemplateName": reader.run.launch_template, "Version": "$Latest"}
    template = configs[0]["LaunchTemplateSpecification"] if configs else named
    return named_cluster(read_user_data(reader.clients.ec2, template))


def _profile_problem(reader: Reader, name: str) -> str:
    """Return what is wrong with the machines' instance profile, '' if nothing is."""
    iam = reader.clients.iam
    if not name:
        return ""
    try:
        roles = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    except iam.exceptions.NoSuchEntityException:
        return f"the machines' instance profile {name} does not exist any more"
    return "" if roles else f"the machines' instance profile {name} holds no role"


def _network_problems(reader: Reader, seen: Snapshot) -> tuple[str, ...]:
    """Return why machines cannot reach AWS from their subnets."""
    some = seen.alive[:FEW]
    subnets = sorted({one.subnet for one in some} - {""})
    ways = read_ways_out(reader.clients.ec2, subnets) if subnets else []
    found = network_findings(reader.run.image, ways, public=all(one.public for one in some))
    return tuple(one.found for one in found)


def _about_tasks(reader: Reader, found: Evidence, definition: str) -> dict[str, Any]:
    """Return the workers' queue, and the last lines of a task that explains why nothing runs."""
    run, clients, seen = reader.run, reader.clients, found.seen
    known: dict[str, Any] = {}
    if definition:
        read = partial(read_environment, clients.ecs, definition)
        environment = reader.look("definition", read) or {}
        known["worker_queue"] = environment.get("SQS_QUEUE_URL", "").rpartition("/")[2]
    stream = seen.ends[0].stream if in_a_row(seen.ends) else ""
    if is_idle(found):
        stream = f"{run.app_name}/{run.app_name}/{seen.tasks[0].arn.rpartition('/')[2]}"
    known["lines"] = tuple(reader.look("log", lambda: read_lines(clients.logs, run, stream)) or ())
    return known
