"""The report of a rehearsal: a table of its jobs, a forecast for all jobs, and suggestions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from distributed_fiji.commands.suggest import Suggestion
from distributed_fiji.commands.trial import Tried
from distributed_fiji.commands.tryreport import count_of_files
from distributed_fiji.jobs import JobFile
from distributed_fiji.settings import Settings
from distributed_fiji.state.rehearsal import Rehearsal, RehearsedJob
from worker.contract.jobs import FailureClass, Outcome, job_name
from worker.contract.text import one_line

DONE = Outcome.DONE.value
OUT_OF_MEMORY = FailureClass.OUT_OF_MEMORY.value
#: For a job without any record.
NO_RECORD = "not finished"
#: Seconds of a phase that are worth showing.
WORTH_A_WORD = 0.05


def rehearsed(
    file: JobFile, places: Sequence[int], sizes: Sequence[int], tried: Sequence[Tried | None]
) -> list[RehearsedJob]:
    """Return the outcomes of the jobs at these places of a file. `tried` is in their order."""
    return [
        _rehearsed(file.job_ids[place], sizes[place], one) for place, one in zip(places, tried, strict=True)
    ]


def _rehearsed(job_id: str, size: int, one: Tried | None) -> RehearsedJob:
    record: dict[str, Any] = one.record if one else {}
    seconds = {phase: float(value) for phase, value in record.get("seconds", {}).items()}
    outputs = record.get("outputs", [])
    usage = record.get("usage") or {}
    fiji = seconds.get("fiji", 0.0)
    return RehearsedJob(
        job_id=job_id,
        input_bytes=size,
        seconds=seconds,
        peak_memory_mb=int(record.get("peak_memory_mb") or 0),
        output_bytes=sum(output["bytes"] for output in outputs),
        files=count_of_files(one) if one and one.is_done else 0,
        exit=DONE if one and one.is_done else str(record.get("class") or NO_RECORD),
        cores=round(usage.get("cpu_seconds", 0.0) / fiji, 2) if fiji else 0.0,
    )


def machine_of(tried: Iterable[Tried | None]) -> str:
    """Return the type of the machine that ran the jobs, '' if unknown."""
    types = (one.record.get("machine", {}).get("instance_type", "") for one in tried if one)
    return str(next(filter(None, types), ""))


def failures(tried: Iterable[Tried | None]) -> list[str]:
    """Explain why jobs failed."""
    return [
        f"{job_name(one.job.metadata)}: {one.record.get('class')}: {one.record.get('sentence')}"
        for one in tried
        if one and not one.is_done
    ]


def jobs_table(file: JobFile, jobs: Sequence[RehearsedJob]) -> Table:
    """Return a row for each job."""
    names = dict(file.names())
    table = Table("job", box=None, pad_edge=False)
    for column in ("inputs", "seconds", "memory", "outputs", "files", "processors"):
        table.add_column(column, justify="right")
    for column in ("", "of the seconds"):
        table.add_column(column)
    for job in jobs:
        phases = [f"{phase} {value:.1f}" for phase, value in job.seconds.items() if value >= WORTH_A_WORD]
        table.add_row(
            escape(one_line(names[job.job_id])),
            bytes_text(job.input_bytes),
            f"{job.total_seconds:.1f}",
            f"{job.peak_memory_mb} MB",
            bytes_text(job.output_bytes),
            str(job.files),
            f"{job.cores:.1f}",
            escape(one_line(job.exit)),
            ", ".join(phases),
        )
    return table


def bytes_text(size: int) -> str:
    """Return a number of bytes for people."""
    unit, name = next(
        ((unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB")) if size >= unit), (1e3, "kB")
    )
    return f"{size / unit:.1f} {name}"


def time_text(seconds: float) -> str:
    """Return seconds for people."""
    named = ((120, 1, "seconds"), (7200, 60, "minutes"))
    unit, name = next(((unit, name) for limit, unit, name in named if seconds < limit), (3600, "hours"))
    return f"{seconds / unit:,.3g} {name}" if seconds < 1000 * unit else f"{seconds / unit:,.0f} {name}"


def summary(rehearsal: Rehearsal) -> list[str]:
    """Report what all jobs will take, and how reliable that is."""
    law, seconds = rehearsal.law, rehearsal.job_seconds * rehearsal.total_jobs
    total = f"All {rehearsal.total_jobs:,} jobs ({bytes_text(rehearsal.total_bytes)} of inputs)"
    span = f"{time_text(seconds * law.low)} to {time_text(seconds * law.high)} in 80 % of cases"
    lines = [f"{total}: {'' if law.carries else 'a guess: '}{time_text(seconds)} of one task, {span}"]
    if not law.carries:
        lines.append("A guess, because size does not explain time, or too few jobs were done: raise -n")
    where = (
        rehearsal.machine or "this computer, whose processors are not EC2's (--where cloud measures there)"
    )
    return [*lines, f"Measured on {where}"]


def suggestions_table(settings: Settings, suggestions: Iterable[Suggestion]) -> Table:
    """Return a row for each setting: its value, the suggestion, and why."""
    table = Table("setting", "now", "suggested", "why", box=None, pad_edge=False)
    for one in suggestions:
        now = getattr(settings, one.name)
        value = "as it is" if now == one.value else str(one.value)
        table.add_row(one.name, escape(str(now)), escape(value), one.why)
    return table
