"""The steps of `estimate`: how many jobs, how long each, on which machines; then the table."""

from __future__ import annotations

import json
import time
from pathlib import Path

from distributed_fiji.commands.bundling import jobs_left
from distributed_fiji.commands.commandline import CHECKOUT, Context
from distributed_fiji.commands.estimate import make_estimate
from distributed_fiji.commands.estimatetable import as_document, show_estimate
from distributed_fiji.commands.jobinputs import check_inputs_for
from distributed_fiji.commands.resolve import find_zones
from distributed_fiji.commands.submit import read_queue
from distributed_fiji.commands.workload import find_script_hash, find_workload
from distributed_fiji.errors import InvalidInput, NothingThere
from distributed_fiji.fleetfile import read_fleet_file
from distributed_fiji.jobs import read_job_file
from distributed_fiji.settings import Settings

#: What to do if nothing is known about the jobs.
ADVICE = "`python run.py rehearse JOB_FILE` measures some jobs; --minutes-per-job M takes your guess"


def _count_jobs(path: Path, settings: Settings) -> int:
    """Return how many jobs of a file submitJob would take. Raises InvalidInput."""
    file = read_job_file(path)
    check_inputs_for(settings, file, str(path))
    return len(file.job_ids)


def estimate(
    context: Context, job_file: Path | None, fleet_file: Path | None, minutes: float | None, *, as_json: bool
) -> None:
    """Print what the jobs of a file, or those in the queue, will cost on the fleet in config.py.

    Raises InvalidInput if it is unknown how long a job takes, NothingThere if there are no jobs.
    """
    settings = context.settings()
    jobs = _count_jobs(job_file, settings) if job_file else None
    fleet = read_fleet_file(fleet_file) if fleet_file else None
    clients = context.connect_for(settings)
    if jobs is None:
        queue = read_queue(settings, clients)
        jobs = jobs_left(settings, clients.s3, queue.submissions, queue.left)
    if not jobs:
        raise NothingThere(
            f"The queue {settings.SQS_QUEUE_NAME} is empty. Name a job file to estimate its jobs."
        )
    script = find_script_hash(settings, context.config.parent)
    work = find_workload(settings, clients.s3, CHECKOUT / "files", jobs, minutes=minutes, script=script)
    if work is None:
        raise InvalidInput("Nothing is known about how long a job takes", [ADVICE])
    zones = find_zones(clients.ec2, fleet) if fleet else ()
    found = make_estimate(settings, clients, work, zones, time.time(), ask=not context.local)
    if as_json:
        context.terminal.say(json.dumps(as_document(found)))
        return
    if context.local:
        context.terminal.warn("These are prices of the embedded cloud. Without --local, they are AWS's.")
    show_estimate(found, context.terminal.out, context.terminal.say)
    if found.machines.likely > settings.MAX_COST > 0:
        context.terminal.warn(f"MAX_COST = {settings.MAX_COST:g} would end the run before its work is done.")
