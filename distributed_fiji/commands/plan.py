"""Check and resolve all that a fleet needs before requesting machines: the first half of startCluster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from distributed_fiji.aws import cluster, queues
from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.fleetrequest import RequestTerms, fleet_request
from distributed_fiji.aws.prices import highest_price
from distributed_fiji.clock import Clock
from distributed_fiji.commands.bundling import jobs_left
from distributed_fiji.commands.confirmations import Confirm, accept, fleet_findings, jobs_waiting
from distributed_fiji.commands.estimate import make_estimate
from distributed_fiji.commands.estimatetable import show_estimate, span_text
from distributed_fiji.commands.findings import look_at_image, look_at_machines, look_at_network, settle
from distributed_fiji.commands.resolve import find_machines, fleet_machines
from distributed_fiji.commands.workload import find_workload
from distributed_fiji.errors import InvalidInput, NothingThere
from distributed_fiji.fleetfile import FleetFile
from distributed_fiji.monitor.spending import hours_for
from distributed_fiji.registry import Answer
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.state.submissions import read_submissions
from distributed_fiji.terminal import Terminal

#: The warning if no job has been measured.
UNKNOWN_COST = (
    "What the run will cost is unknown, because no job was measured yet. `python run.py rehearse JOB_FILE`"
    " measures some; `python run.py estimate --minutes-per-job M` takes your guess."
)


@dataclass(frozen=True)
class Start:
    """What startCluster works with. `ask_image`: checks whether machines will find an image.

    `confirm`: asks before unnecessary costs. `agree`: asks about the expected cost. `config`: the path of the
    settings' file.
    """

    settings: Settings
    clients: Clients
    record_path: Path
    clock: Clock
    terminal: Terminal
    ask_image: Callable[[str], Answer]
    local: bool = False
    confirm: Confirm = accept
    config: str = ""
    agree: Callable[[str], bool] = lambda _question: True


def plan(run: Start, file: FleetFile) -> Run:
    """Check and resolve everything; return the record with the request in it. No machine starts yet."""
    settings, clients = run.settings, run.clients
    definition, queue_created, left = check_setup(settings, clients)
    submissions = read_submissions(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, queue_created)
    messages = jobs_waiting(left, submissions, run.clock.now())
    jobs = jobs_left(settings, clients.s3, submissions, messages)
    looked = look_at_machines(settings, clients, local=run.local)
    architecture = looked.types[0].architecture if looked.types else ""
    digest, image = look_at_image(settings, run.ask_image, architecture, local=run.local)
    settle("config.py cannot be used", [*looked.findings, *image], run.terminal)
    now = run.clock.now()
    machines, role, more = find_machines(clients, settings, file, architecture or "x86_64", now)
    if not run.local:
        settle("The fleet cannot be started", look_at_network(settings, clients, machines), run.terminal)
    for line in (*file.warnings, *more):
        run.terminal.warn(line)
    run.confirm("No fleet is started", fleet_findings(settings, jobs, messages))
    script = cluster.read_environment(clients.ecs, definition).get("SCRIPT_SHA256", "")
    zones = {subnet.zone for machine in machines for subnet in machine.subnets}
    estimate = agree_on_cost(run, jobs, zones, script)
    part = fleet_machines(clients.ec2, settings, machines)
    token = uuid.uuid4().hex
    record = new_run(settings, started=now, run_id=token, local=run.local, account=run.clients.account)
    until = datetime.fromtimestamp(int(now), timezone.utc) + timedelta(hours=longest_hours(run, record))
    frame = RequestTerms(role, file.strategy, file.type, until.isoformat(timespec="seconds"), token)
    return replace(
        record,
        fleet_request=fleet_request(settings, frame, part),
        valid_until=frame.valid_until,
        config=run.config,
        task_definition=definition,
        image_digest=digest,
        queue_created=queue_created,
        script_sha256=script,
        estimate=estimate,
        output_locations=tuple(sorted({submission.output_location for submission in submissions} - {""})),
    )


def agree_on_cost(run: Start, jobs: int, zones: Collection[str], script: str) -> dict[str, Any]:
    """Show what the jobs will cost and ask for agreement; return what the run's record keeps of it.

    Raises InvalidInput above MAX_COST, or if the answer is no. If it is unknown how long a job takes, nothing
    is kept, and nothing compared with MAX_COST.
    """
    settings, clients, now = run.settings, run.clients, run.clock.now()
    work = find_workload(
        settings, clients.s3, run.record_path.parent, max(1, jobs), minutes=None, script=script
    )
    if work is None:
        run.terminal.note(UNKNOWN_COST)
        asked = f"Start {settings.CLUSTER_MACHINES} machines without knowing what the run costs?"
    else:
        estimate = make_estimate(settings, clients, work, zones, now, ask=False)
        show_estimate(estimate, run.terminal.err, run.terminal.note)
        if estimate.machines.likely > settings.MAX_COST > 0:
            problem = f"MAX_COST = {settings.MAX_COST:g}, but the machines are likely to cost"
            raise InvalidInput("No fleet is started", [f"{problem} {span_text(estimate.machines)}"])
        asked = f"Start {settings.CLUSTER_MACHINES} machines for about {span_text(estimate.total)}?"
    if not run.agree(asked):
        raise InvalidInput("No fleet is started", ["you answered no"])
    return estimate.kept(now) if work else {}


def longest_hours(run: Start, record: Run) -> float:
    """Return after how many hours the fleet ends by itself: MAX_HOURS, or when MAX_COST is spent.

    EC2 enforces this limit even if neither monitor nor janitor runs. The calculation assumes all machines at
    the highest price of any zone today, or at MACHINE_PRICE if prices cannot be read.
    """
    if not record.max_cost:
        return run.settings.MAX_HOURS
    price = highest_price(run.clients.ec2, record.machine_types, run.clock.now(), record.machine_price)
    hours = hours_for(record.max_cost, record.machines, price + record.machine_extras)
    if hours < run.settings.MAX_HOURS:
        run.terminal.note(
            f"MAX_COST = {record.max_cost:g}: at up to ${price:.4f} an hour, {record.machines} machines"
            f" reach that after {hours:.1f} hours."
        )
    return min(hours, run.settings.MAX_HOURS)


def check_setup(settings: Settings, clients: Clients) -> tuple[str, str, int]:
    """Return the service's task definition, and the queue's CreatedTimestamp and number of messages.

    Raises NothingThere if setup has not been run.
    """
    url = queues.read_queue(clients.sqs, settings.SQS_QUEUE_NAME)
    service = cluster.find_service(clients.ecs, settings.ECS_CLUSTER, settings.service)
    if service is None:
        raise NothingThere(f"Service {settings.service} does not exist. Run `python run.py setup` first.")
    attributes = queues.read_attributes(clients.sqs, url)
    return service["taskDefinition"], attributes["CreatedTimestamp"], queues.counts_in(attributes).left
