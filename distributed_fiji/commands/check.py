"""`check`: find everything that can be wrong with config.py, a job file and a fleet file, at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.markup import escape
from rich.table import Table

from distributed_fiji.aws import queues
from distributed_fiji.aws.clients import Clients
from distributed_fiji.clock import SystemClock
from distributed_fiji.commands.commandline import Context
from distributed_fiji.commands.findings import (
    Looked,
    asked,
    look_at_image,
    look_at_network,
    look_at_settings,
)
from distributed_fiji.commands.jobfindings import look_at_jobs
from distributed_fiji.commands.jobinputs import check_inputs_for
from distributed_fiji.commands.resolve import find_machines
from distributed_fiji.errors import InvalidInput
from distributed_fiji.findings import Finding, doubts, stops, worst_first
from distributed_fiji.fleetfile import FleetFile, read_fleet_file
from distributed_fiji.jobs import JobFile, read_job_file
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal

T = TypeVar("T")
COLORS = {"stop": "red", "warn": "yellow", "unknown": "cyan"}


def check(context: Context, job_file: Path | None, fleet_file: Path | None) -> list[Finding]:
    """Return all findings, worst first. Nothing is changed."""
    found: list[Finding] = []
    read = _read(found, "config", context.read_settings)
    settings = read[0] if read else None
    found += doubts("config", read[1] if read else [])
    jobs = _read(found, "job-file", lambda: read_job_file(job_file)) if job_file else None
    file = _read(found, "fleet-file", lambda: read_fleet_file(fleet_file)) if fleet_file else None
    if settings is None:
        return worst_first(found)
    if jobs:
        _read(found, "job-file", lambda: check_inputs_for(settings, jobs, str(job_file)))
    kind = "bucket" if context.local else "credentials"
    if clients := _read(found, kind, lambda: context.connect_for(settings)):
        found += look(context, settings, clients, jobs, file)
    return worst_first(found)


def _read(found: list[Finding], kind: str, read: Callable[[], T]) -> T | None:
    """Return what was read, or None with its problems added to the findings."""
    try:
        return read()
    except InvalidInput as error:
        found += stops(kind, error.problems)
        return None


def look(
    context: Context, settings: Settings, clients: Clients, jobs: JobFile | None, file: FleetFile | None
) -> list[Finding]:
    """Return AWS's findings about a set-up whose files are readable; each part is checked independently."""
    looked, folder = Looked(), context.config.parent

    def look_first() -> list[Finding]:
        nonlocal looked
        looked = look_at_settings(settings, clients, folder, context.languages(), local=context.local)
        return looked.findings

    found = asked("config", "Settings", look_first)
    if jobs:
        script = looked.script
        found += asked("job-file", "The jobs", lambda: look_at_jobs(settings, clients, jobs, folder, script))
        found += asked("queue", "The queue", lambda: queue_findings(settings, clients))
    kind = looked.types[0].architecture if looked.types else ""
    found += look_at_image(settings, context.ask_image(clients), kind, local=context.local)[1]
    if file:
        found += asked("fleet", "Machines", lambda: fleet_findings(context, settings, clients, file, kind))
    return found


def fleet_findings(
    context: Context, settings: Settings, clients: Clients, file: FleetFile, architecture: str
) -> list[Finding]:
    """Return what prevents a fleet's machines from starting, or from reaching AWS."""
    found, now = doubts("fleet-file", file.warnings), SystemClock().now()
    machines = _read(
        found,
        "fleet",
        lambda: find_machines(clients, settings, file, architecture or "x86_64", now, before_setup=True),
    )
    if machines is None:
        return found
    found += doubts("fleet", machines[2])
    return found if context.local else found + look_at_network(settings, clients, machines[0])


def queue_findings(settings: Settings, clients: Clients) -> list[Finding]:
    """Report how many messages an earlier submission left in the queue."""
    url = queues.find_queue(clients.sqs, settings.SQS_QUEUE_NAME)
    left = queues.counts_in(queues.read_attributes(clients.sqs, url)).left if url else 0
    if not left:
        return []
    line = f"SQS_QUEUE_NAME = {settings.SQS_QUEUE_NAME!r}: this queue still holds {counted(left, 'message')}"
    return doubts("queue", [line])


def tell(findings: Sequence[Finding], terminal: Terminal, *, as_json: bool) -> None:
    """Print findings as a table, or as JSON."""
    if as_json:
        terminal.say(json.dumps([one.document() for one in findings], ensure_ascii=False))
        return
    table = Table("", "id", "found", "next", box=None, pad_edge=False)
    for one in findings:
        severity = f"[{COLORS[one.severity]}]{one.severity}[/]"
        table.add_row(severity, one.id, escape(one.found), escape(one.document()["next"]))
    if findings:
        terminal.out.print(table)
    counts = [(word, sum(one.severity == word for one in findings)) for word in COLORS]
    terminal.note(", ".join(f"{count} {word}" for word, count in counts if count) or "Nothing found.")
