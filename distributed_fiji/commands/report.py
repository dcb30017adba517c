"""`report`: a run read from the bucket, once, and written as a page, with an exact table beside it."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.commands.failures import more_memory
from distributed_fiji.commands.reportfacts import ReportFacts, read_facts
from distributed_fiji.commands.reportthumbnails import FOLDER, remove_earlier, write_thumbnails
from distributed_fiji.commands.suggest import memory_for, timeout_for
from distributed_fiji.errors import InvalidInput
from distributed_fiji.report.costs import Spent, rows_of
from distributed_fiji.report.crate import DESCRIPTOR, crate_of
from distributed_fiji.report.drawings import histogram, timeline
from distributed_fiji.report.page import MOST_GROUPS, Needs, Page, Row, Times, WhatRan, cause_of, render
from distributed_fiji.report.sheet import WellViews, sheet_of, table_rows
from distributed_fiji.report.spread import spread_of
from distributed_fiji.report.tally import Tally
from distributed_fiji.report.thumbnails import ShownThumbnails
from distributed_fiji.report.wells import STATUSES
from distributed_fiji.report.wording import JobCounts, methods, verdict, what_ran
from distributed_fiji.review.facts import Facts
from distributed_fiji.review.parallel import Read
from distributed_fiji.review.wells import WellStatus
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import Run, kept_settings, without_secrets
from distributed_fiji.terminal import Terminal, shown
from distributed_fiji.wholefiles import replacing

#: The files of a report.
PAGE, TABLE = "report.html", "wells.csv"

#: Of a run with more jobs `monitor` writes no report: each job's record must be read.
MOST_AT_END = 10_000

#: Bytes for which a disk must have room before a run is read.
ROOM = 1_000_000


@dataclass(frozen=True)
class Request:
    """What is wanted: a folder, and which tables of the jobs become measures; '': none.

    `program`: how run.py is called here; `settings`: those of the run's app, None where they are not known.
    """

    folder: Path
    tables: str = ""
    overwrite: bool = False
    program: str = "python run.py"
    settings: Settings | None = None


def check(request: Request) -> None:
    """Raise InvalidInput for a report that could not be written, before anything is read."""
    try:
        problems = list(_problems(request))
    except (OSError, ValueError) as error:  # no name of a folder, or one that takes no file
        reason = error.strerror if isinstance(error, OSError) else error
        problems = [f"-o {request.folder}: {reason}"]
    if problems:
        raise InvalidInput("No report was written", problems)


def _problems(request: Request) -> Iterator[str]:
    folder = request.folder
    there = [folder / name for name in (PAGE, TABLE, DESCRIPTOR) if (folder / name).exists()]
    if folder.exists() and not folder.is_dir():
        yield f"-o {folder}: it is not a folder"
    elif (folder / FOLDER).exists() and not (folder / FOLDER).is_dir():
        yield f"-o {folder}: {folder / FOLDER} is not a folder"
    elif not folder.parent.is_dir():
        yield f"-o {folder}: the folder {folder.parent} does not exist"
    elif there and not request.overwrite:
        yield from (f"{path} exists: choose another -o, or add --overwrite" for path in there)
    else:
        with tempfile.NamedTemporaryFile(dir=folder if folder.exists() else folder.parent) as file:
            file.write(bytes(ROOM))
            file.flush()


def report(
    run: Run, clients: Clients, read: Read, request: Request, now: float, terminal: Terminal
) -> ReportFacts:
    """Read a run and write its report; return what was read. Raises AwsError and OSError."""
    facts = read_facts(run, clients, read, request.tables, now, terminal)
    request.folder.mkdir(exist_ok=True)
    facts.thumbnails = write_thumbnails(request.folder, facts, Facts(run, read, clients.s3), now, terminal)
    if facts.wells.size:
        with replacing(request.folder / TABLE) as file:
            rows = ([_plain(cell) for cell in row] for row in table_rows(facts.wells))
            csv.writer(file, lineterminator="\n").writerows(rows)
    else:
        (request.folder / TABLE).unlink(missing_ok=True)  # an earlier report's
    files = [PAGE, TABLE] if facts.wells.size else [PAGE]
    with replacing(request.folder / DESCRIPTOR) as file:
        json.dump(crate_of(run, facts.tally, counts_of(facts), files, now), file, indent=1)
    with replacing(request.folder / PAGE) as file:
        file.write(render(page_of(run, facts, request, now)))
    remove_earlier(request.folder, now)
    return facts


def _plain(cell: Any) -> Any:
    return without_secrets(cell) if isinstance(cell, str) else cell


def report_at_end(
    run: Run, clients: Clients, read: Read, request: Request, now: float, terminal: Terminal
) -> None:
    """Write the report of a run that is over, and say where; a run has ended well without one, too."""
    try:
        check(request)
        report(run, clients, read, request, now, terminal)
    except KeyboardInterrupt:
        terminal.note(f"No report was written; for one: python run.py report {run.app_name}")
    except (*AwsError, OSError, InvalidInput) as error:
        terminal.warn(f"No report was written: {error}")
    else:
        terminal.note(f"Report: {shown(request.folder / PAGE)}")


def page_of(run: Run, facts: ReportFacts, request: Request, now: float) -> Page:
    """Return what the page says. Pure."""
    counts, groups = counts_of(facts), facts.groups
    logs = f"{request.program} logs{'' if request.settings else f' --run {run.app_name}'}"
    retry = f"{request.program} retry"
    stays = [(stay.launched, stay.last) for stay in facts.ledger.values()]
    return Page(
        app=run.app_name,
        made=datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        verdict=verdict(counts),
        is_good=counts.done == counts.submitted and counts.done > 0,
        counts=list(count_rows(counts, facts.tally)),
        costs=list(rows_of(_spent(run, facts, stays))),
        causes=[cause_of(one, facts.names, logs, retry + more_memory(one)) for one in groups[:MOST_GROUPS]],
        causes_left_out=len(groups[MOST_GROUPS:]),
        sheet=sheet_of(facts.wells, views=WellViews(facts.thumbnails.plates, facts.tails)),
        thumbnails=_about_thumbnails(facts.thumbnails),
        tables=_about_tables(facts, request),
        times=_times(run, facts, stays),
        needs=_needs(facts.tally, settings_of(run, request.settings)[0]),
        what=_what(run, facts.tally, counts, request.settings),
        program=request.program,
        logs=logs,
        notes=list(notes(facts)),
    )


def _times(run: Run, facts: ReportFacts, stays: list[tuple[float, float]]) -> Times:
    tally = facts.tally
    return Times(
        timeline=timeline(stays, tally.ended, tally.failed, run.started),
        phases={name: one for name, values in tally.phases.items() if (one := spread_of(values))},
        seconds=spread_of(tally.seconds),
        slowest=[(took, _named(job, facts)) for took, job in sorted(tally.slowest, reverse=True)],
    )


def _needs(tally: Tally, settings: Mapping[str, str]) -> Needs:
    memory = spread_of(tally.memory)
    known = settings.get("MEMORY", "")
    limit = float(known) if known.isdecimal() else memory.most if memory else 0.0
    drawn = histogram(tally.memory, limit, "finished jobs by FIJI's memory", "MB")
    return Needs(memory, drawn, list(next_time(tally, settings)))


def _what(run: Run, tally: Tally, counts: JobCounts, settings: Settings | None) -> WhatRan:
    kept, whose = settings_of(run, settings)
    return WhatRan(
        made_with=list(what_ran(run, tally)),
        parameters=list(parameters(tally)),
        settings=[(name, [value]) for name, value in kept.items()],
        whose_settings=whose,
        methods=methods(run, tally, counts),
    )


def counts_of(facts: ReportFacts) -> JobCounts:
    """Return how many jobs there are of each kind."""
    states, tally = facts.states, facts.tally
    given_up = len(states.dead)
    to_be_tried = len(states.failures.keys() - states.dead - states.done)
    return JobCounts(
        submitted=len(states.submitted),
        done=len(states.done),
        given_up=given_up,
        to_be_tried=to_be_tried,
        open=len(states.submitted) - len(states.done) - given_up - to_be_tried,
        warned=tally.warned,
        without_outputs=tally.without_outputs,
        unread=facts.unread,
        causes=len(facts.groups),
        over=states.over,
    )


def count_rows(counts: JobCounts, tally: Tally) -> Iterator[Row]:
    """Yield what, how many, and a remark; the rows without an indent add up to the first."""
    yield "Submitted", f"{counts.submitted:,}", ""
    yield "Done", f"{counts.done:,}", f"{tally.files:,} files, {tally.output_bytes / 1e9:,.2f} GB"
    yield "  with warnings", f"{counts.warned:,}", ""
    yield "  without outputs", f"{counts.without_outputs:,}", ""
    yield "Given up", f"{counts.given_up:,}", ""
    yield "Failed, to be tried again", f"{counts.to_be_tried:,}", ""
    yield "Not finished", f"{counts.open:,}", "" if counts.over else "waiting or running"
    yield "Failed attempts", f"{tally.attempts:,}", "those of jobs that are done by now, too"


def _spent(run: Run, facts: ReportFacts, stays: list[tuple[float, float]]) -> Spent:
    done = STATUSES.index(WellStatus.NO_TABLE)
    return Spent(
        cost=facts.cost,
        estimate=run.estimate,
        machine_seconds=sum(last - launched for launched, last in stays),
        tasks=run.tasks_per_machine,
        finished=sum(facts.tally.seconds),
        lost=facts.tally.lost,
        jobs=len(facts.states.done),
        wells=sum(status >= done for status in facts.wells.statuses),
    )


def next_time(tally: Tally, settings: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a setting, its value now, a better one, and why: from what finished jobs took."""
    if tally.memory:
        most = max(tally.memory)
        now = settings.get("MEMORY", "?")
        why = f"FIJI took at most {most:,.0f} MB; the rest is for the worker"
        yield "MEMORY", now, str(memory_for(most)), why
    if tally.seconds:
        longest = max(tally.seconds)
        now = settings.get("JOB_TIMEOUT_MINUTES", "?")
        minutes, why = timeout_for(longest)
        yield "JOB_TIMEOUT_MINUTES", now, str(minutes), why


def parameters(tally: Tally) -> Iterator[tuple[str, list[str]]]:
    """Yield the shared parameters with their values; of several, how many jobs have each."""
    for name, values in tally.shared.items():
        met = values.most_common()
        yield name, [f"{value} ({count:,})" if len(met) > 1 else value for value, count in met]


def settings_of(run: Run, settings: Settings | None) -> tuple[Mapping[str, str], str]:
    """Return the settings to show, and whose they are; records of earlier versions hold none.

    `settings`: what config.py says now.
    """
    if run.settings:
        return run.settings, "Settings when the run began"
    return kept_settings(settings) if settings else {}, "Settings, as config.py has them now"


def notes(facts: ReportFacts) -> Iterator[str]:
    """Yield what a reader must know before trusting the figures."""
    if facts.unread:
        yield f"The manifests of {facts.unread:,} finished jobs could not be read; times and maps lack them."
    if facts.bad_tables:
        yield f"{facts.bad_tables:,} tables could not be read; their wells count as done without a table."


def _about_tables(facts: ReportFacts, request: Request) -> str:
    if not request.tables:
        return "With --tables PATTERN the columns of the jobs' tables become measures, too."
    left = len(facts.left_out_columns)
    more = f"; {left} more columns are left out" if left else ""
    met = f"{facts.tables:,} tables match {request.tables}{more}."
    return f"{met} A column's number is the mean of all rows of a well."


def _about_thumbnails(shown: ShownThumbnails) -> str:
    """Return a sentence on thumbnails; '' where there are none."""
    left = f" Those of {shown.left_out:,} plates are left out." if shown.left_out else ""
    if not shown.wells:
        return left.strip()
    where = f"Thumbnails of {shown.wells:,} wells are in the folder {FOLDER} beside this file."
    how = "Gray ones of a plate and channel share one range, which stands below each."
    return f"{where} {how}{left}"


def _named(job: str, facts: ReportFacts) -> str:
    return f"{facts.names[job]} (job {job})" if facts.names.get(job) else f"job {job}"


def lines_of(request: Request, facts: ReportFacts) -> Iterator[str]:
    """Yield what is said of the result."""
    yield verdict(counts_of(facts))
    yield f"Report: {shown(request.folder / PAGE)}"
    if facts.wells.size:
        yield f"All wells, with exact figures: {shown(request.folder / TABLE)}"
