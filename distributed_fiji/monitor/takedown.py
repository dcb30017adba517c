"""Take a run down, with what costs most first. Each step is tried even if an earlier one failed.

What is already gone counts as done. The verdict is in the bucket before the first removal, so a teardown that
was killed at any point can be run again: it knows that the work is over and how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.cluster import (
    find_service,
    remove_cluster,
    remove_service,
    remove_task_definitions,
    stop_service,
)
from distributed_fiji.aws.deadletters import belongs_to_another, is_own, read_dead_letters, unreported
from distributed_fiji.aws.fleet import cancel_fleet, find_fleet, live_fleets
from distributed_fiji.aws.machines import app_instances, fleet_instances, remove_launch_template, terminate
from distributed_fiji.aws.queues import messages_left, queue_attributes, remove_queue
from distributed_fiji.aws.tasks import stop_tasks
from distributed_fiji.aws.telemetry import read_alarms, remove_alarms, remove_dashboard
from distributed_fiji.clock import Clock
from distributed_fiji.errors import SomethingLeft
from distributed_fiji.monitor.logexport import export_log
from distributed_fiji.monitor.machines import give_jobs_back
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.openruns import read_open_runs
from distributed_fiji.state.record import Run
from worker.contract.jobs import failure_key

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds after which machines are terminated one by one, if cancelling the fleet has not ended them.
MACHINES_PATIENCE = 60


@dataclass(frozen=True)
class Step:
    """One step of a teardown: its name, what it did, or the error that stopped it."""

    name: str
    did: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Deadlines:
    """Seconds after which machines that are still running are reported as left, and seconds that exporting
    the logs may take; None: no limit.
    """

    machines: float = 600
    logs: float | None = None


PATIENT = Deadlines()

#: Steps whose failure leaves something that costs money.
COSTLY = frozenset({"service", "fleet", "machines", "alarms", "dashboard"})


def take_down(
    run: Run,
    clients: Clients,
    clock: Clock,
    tell: Callable[[str], None],
    *,
    whole: bool = True,
    patience: Deadlines = PATIENT,
) -> list[Step]:
    """Remove everything of a run except its logs, roles and results; return what each step did.

    `whole` False: jobs remain in the queue, so only what costs money ends, and startCluster can continue
    later.
    """
    site = look_around(run, clients, tell)
    takedown = Takedown(run, clients, clock, site, whole, patience)
    steps = [*_money(takedown), *_keepsakes(run, clients, clock, patience.logs)]
    if whole:
        steps += [*_rest(run, clients, clock, site), *_queues(run, clients)]
    return [attempt(name, step, tell) for name, step in steps]


@dataclass(frozen=True)
class Neighbors:
    """What else the app has in this region. `served`: the service belongs to this run.

    It does not if a config with the same name has pointed the service to another queue, or if a later run
    uses the service and the queue; then both stay. `other_fleets`: fleets that no open run names, so nobody
    else would end them.
    """

    served: bool
    other_fleets: tuple[str, ...]


def look_around(run: Run, clients: Clients, tell: Callable[[str], None]) -> Neighbors:
    """Return what else the app has. If that cannot be read, everything counts as this run's, so that it is
    ended.
    """
    try:
        others = other_runs(run, clients)
        theirs = {other.fleet_id or find_fleet(clients.ec2, run.app_name, other.run_id) for other in others}
        fleets = tuple(fleet for fleet in other_fleets(run, clients) if fleet not in theirs)
        later = [other for other in others if other.started > run.started]
        for other in later:
            tell(
                f"Run {other.run_id} has started since, and uses the service and the queue, which"
                " therefore stay."
            )
        return Neighbors(not later and served_here(run, clients), fleets)
    except AwsError as error:
        tell(f"checking for other runs: {error_text(error)}")
        return Neighbors(served=True, other_fleets=())


def other_runs(run: Run, clients: Clients) -> list[Run]:
    """Return the app's other open runs in this region."""
    found, _ = read_open_runs(clients.s3, run.bucket, run.app_name, run.region)
    return [one for one in found if one.run_id != run.run_id]


def served_here(run: Run, clients: Clients) -> bool:
    """Whether the app's service works on this run's queue, or there is no service."""
    service = find_service(clients.ecs, run.cluster, run.service)
    if service is None:
        return True
    found = clients.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    containers = found["taskDefinition"]["containerDefinitions"]
    environment = {item["name"]: item["value"] for item in containers[0].get("environment", [])}
    return environment.get("SQS_QUEUE_URL", "").rpartition("/")[2] in ("", run.queue_name)


def other_fleets(run: Run, clients: Clients) -> tuple[str, ...]:
    """Return the app's other live fleets, found by tag."""
    return tuple(fleet for fleet in live_fleets(clients.ec2, run.app_name) if fleet != run.fleet_id)


def attempt(name: str, step: Callable[[], str | None], tell: Callable[[str], None]) -> Step:
    """Try one step. An error is reported and kept, and the next step is tried anyway."""
    try:
        did = step()
    except Exception as error:
        tell(f"{name}: {error_text(error)}")
        return Step(name, error=error_text(error))
    if did:
        tell(did)
    return Step(name, did)


Named = Iterator[tuple[str, Callable[[], "str | None"]]]


@dataclass(frozen=True)
class Takedown:
    """What a teardown's steps work with."""

    run: Run
    clients: Clients
    clock: Clock
    site: Neighbors
    whole: bool
    patience: Deadlines


def _money(down: Takedown) -> Named:
    run, clients, site, whole = down.run, down.clients, down.site, down.whole
    last = site.served and (whole or not site.other_fleets)
    if last:
        yield "service", lambda: stop_service(clients.ecs, run.cluster, run.service)
    if not whole:
        yield "jobs at work", partial(give_jobs_back, clients, run, down.clock)
    fleets = [run.fleet_id] if run.fleet_id else []
    if site.served and whole:
        # Nobody else would end them.
        fleets += site.other_fleets
    for fleet in fleets:
        # The embedded cloud knows each fleet at once, or never again: once it has stopped, all are gone.
        started = run.started if fleet == run.fleet_id and not run.local else 0.0
        yield "fleet", partial(cancel_fleet, clients.ec2, fleet, down.clock, started=started)
    for fleet in fleets:
        its_run = replace(run, fleet_id=fleet)
        yield "machines", partial(end_machines, its_run, clients, down.clock, down.patience.machines)
    if site.served and whole:
        # The service's tasks end with it. In a cluster shared by several apps they may run on others'
        # machines.
        yield "tasks", lambda: stop_tasks(clients.ecs, run.cluster, run.task_family)
    yield "alarms", lambda: remove_idle_alarms(run, clients)
    if last and run.clean_dashboard:
        # startCluster creates it again.
        yield "dashboard", lambda: remove_dashboard(clients.cloudwatch, run.app_name)


def _keepsakes(run: Run, clients: Clients, clock: Clock, log_seconds: float | None) -> Named:
    yield "dead letters", lambda: record_dead_letters(run, clients, clock)
    yield "logs", lambda: _exported(run, clients, clock, log_seconds)


def _rest(run: Run, clients: Clients, clock: Clock, site: Neighbors) -> Named:
    if not site.served:
        return
    ecs, ec2 = clients.ecs, clients.ec2
    yield "service's removal", lambda: remove_service(ecs, run.cluster, run.service)
    yield "task definition", lambda: remove_task_definitions(ecs, run.task_family)
    yield "launch template", lambda: remove_launch_template(ec2, run.launch_template, run.app_name)
    yield "cluster", lambda: remove_cluster(clients, run.cluster, run.app_name, clock)


def _queues(run: Run, clients: Clients) -> Named:
    for kind, name in (("queue", run.queue_name), ("dead-letter queue", run.dead_letter_queue)):
        yield kind, partial(remove_empty_queue, clients.sqs, name, run)


def end_machines(run: Run, clients: Clients, clock: Clock, deadline: float) -> str | None:
    """Wait until the fleet's machines are gone; terminate by ID those that remain after a minute.

    Raises SomethingLeft with the machines that are still there after the deadline (seconds).
    """
    begun, asked, first = clock.now(), False, True
    while left := [item["InstanceId"] for item in fleet_instances(clients.ec2, run.app_name, run.fleet_id)]:
        waited = clock.now() - begun
        if waited >= deadline:
            raise SomethingLeft(f"still running after {deadline / 60:.0f} minutes: {', '.join(sorted(left))}")
        if waited >= MACHINES_PATIENCE and not asked:
            terminate(clients.ec2, left)
            asked = True
        clock.sleep(2)
        first = False
    return None if first else "its machines are gone"


def remove_idle_alarms(run: Run, clients: Clients) -> str | None:
    """Delete the alarms of machines that are gone; those of another fleet's machines stay."""
    alive = {item["InstanceId"] for item in app_instances(clients.ec2, run.app_name)}
    gone = read_alarms(clients.cloudwatch, run.app_name) - alive
    return remove_alarms(clients.cloudwatch, run.app_name, gone)


def record_dead_letters(run: Run, clients: Clients, clock: Clock) -> str | None:
    """Write a failure record for each dead letter of the app's own queue that no worker has reported."""
    attributes = queue_attributes(clients.sqs, run.dead_letter_queue)
    if attributes is None:
        return None
    url = attributes["QueueUrl"]
    count = messages_left(clients.sqs, run.dead_letter_queue)
    if not count or not is_own(clients.sqs, url, run.dead_letter_queue, run.app_name):
        return None
    state, letters = JobState(run, clients.s3), read_dead_letters(clients.sqs, url, count)
    reported = state.failures()
    # Jobs of a bundle may have been done before it was lost.
    done = dict(state.manifests()) if len({letter.message_id for letter in letters}) < len(letters) else {}
    written = 0
    for letter in letters:
        if done.get(letter.job_id, 0.0) >= int(letter.sent):
            continue
        if not any(written >= int(letter.sent) for _, written in reported.get(letter.job_id, [])):
            key = failure_key(run.app_name, letter.job_id, letter.receives)
            body = unreported(letter, run.app_name, clock.now())
            clients.s3.put_object(Bucket=run.bucket, Key=key, Body=body)
            written += 1
    return f"recorded {written} dead letters that no worker had reported" if written else None


def remove_empty_queue(sqs: SQSClient, name: str, run: Run) -> str | None:
    """Delete a queue if it is empty and belongs to this run; a queue that holds jobs is kept and named.

    The queue named in the record belongs to the run unless it carries another app's tag. Several apps may
    share one dead-letter queue.
    """
    attributes = queue_attributes(sqs, name)
    if attributes is None:
        return None
    url = attributes["QueueUrl"]
    shared = name != run.queue_name and not is_own(sqs, url, name, run.app_name)
    if shared or belongs_to_another(sqs, url, run.app_name):
        return None
    left = messages_left(sqs, name)
    if left:
        return f"queue {name} is kept: it holds {left} message{'s' if left > 1 else ''}"
    return remove_queue(sqs, name)


def _exported(run: Run, clients: Clients, clock: Clock, seconds: float | None) -> str | None:
    """Export the workers' log to the bucket. Raises LogsTooLong if it takes longer than allowed."""
    until = clock.now() + seconds if seconds is not None else None
    key = export_log(clients, run, lambda: until is not None and clock.now() > until)
    return f"the workers' log is in s3://{run.bucket}/{key}" if key else None


def still_costly(steps: list[Step]) -> tuple[str, ...]:
    """Return what a teardown could not end and what therefore costs money, each with its reason."""
    return tuple(f"{step.name}: {step.error}" for step in steps if step.error and step.name in COSTLY)
