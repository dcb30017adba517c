"""`collect`: combine the tables of all jobs into one, and report on each expected well in a second one."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import JobFile
from distributed_fiji.monitor.result import counted
from distributed_fiji.review.csvtext import CsvTable, NoTable, read_table
from distributed_fiji.review.facts import DoneJob, Facts
from distributed_fiji.review.jobstates import JobStates, metadata_in, read_states
from distributed_fiji.review.merging import Merger
from distributed_fiji.review.parallel import Read, in_parallel
from distributed_fiji.review.parquet import require_pyarrow, write_parquet
from distributed_fiji.review.wells import Ended, WellStatus, status_of_failure, status_of_tables, well_rows
from distributed_fiji.state.record import Run
from distributed_fiji.terminal import Terminal, shown
from worker.contract.patterns import means_output

#: How many unreadable tables are named.
NAMED = 10


@dataclass(frozen=True)
class Wish:
    """What to collect: outputs by a pattern, into a file, with a style of names.

    `expected`: a job file whose groups count as expected. `wells`: the size of the plates.
    """

    pattern: str
    target: Path
    style: str
    overwrite: bool = False
    expected: JobFile | None = None
    wells: int | None = None

    @property
    def second(self) -> Path:
        """The table of wells."""
        return self.target.with_name(f"{self.target.stem}.wells.csv")


@dataclass
class Collected:
    """What was collected: tables, rows, wells by status, and tables that could not be read."""

    merger: Merger
    wells: dict[str, int]
    unread: list[str]


def check(wish: Wish) -> None:
    """Raise InvalidInput for what cannot be collected, before anything is read."""
    problems = [
        f"{path} exists: choose another -o, or add --overwrite"
        for path in (wish.target, wish.second)
        if path.exists() and not wish.overwrite
    ]
    if wish.target.suffix not in (".csv", ".parquet"):
        problems.append(f"-o {wish.target}: it must end in .csv or .parquet")
    if not wish.target.parent.is_dir():
        problems.append(f"-o {wish.target}: the folder {wish.target.parent} does not exist")
    if problems:
        raise InvalidInput("Nothing was collected", problems)
    if wish.target.suffix == ".parquet":
        require_pyarrow()


def collect(run: Run, clients: Clients, read: Read, wish: Wish, terminal: Terminal) -> Collected:
    """Collect tables and write both files. Raises InvalidInput if there is nothing to collect."""
    states, facts = read_states(run, clients), Facts(run, read, clients.s3)
    collected = Collected(Merger(wish.style), {}, [])
    with terminal.counting("Collecting", len(states.done)) as progress:
        done = list(_read_tables(facts.done(states.done), read, wish.pattern, collected, progress))
    if not collected.merger.tables and not collected.unread:
        raise InvalidInput("Nothing was collected", [_nothing_found(wish.pattern, states)])
    _write(collected.merger, wish.target)
    ended = chain(done, _not_done(states, facts), _not_submitted(states, wish.expected))
    collected.wells = _write_wells(list(well_rows(ended, wish.wells)), wish.second)
    return collected


def _nothing_found(pattern: str, states: JobStates) -> str:
    return (
        f"none of the outputs of {counted(len(states.done), 'finished job')} matches {pattern!r}: quote the"
        " pattern, and write it as the files are called, for example '*_Results.csv'"
    )


def _read_tables(
    jobs: Iterator[DoneJob], read: Read, pattern: str, collected: Collected, progress: Any
) -> Iterator[Ended]:
    """Store the tables of jobs; yield the outcome of each job."""

    def load(job: DoneJob) -> tuple[DoneJob, list[tuple[str, CsvTable | str]]]:
        keys = [key for key in job.outputs if matches(key, job.location, pattern)]
        return job, [(key, find_table(read, job.destination, key)) for key in keys]

    for job, tables in in_parallel(load, jobs):
        counts = []
        for key, table in tables:
            if isinstance(table, str):
                collected.unread.append(f"s3://{job.destination}/{key}: {table}")
                continue
            collected.merger.add(job.metadata, job.job_id, key.rpartition("/")[2], table)
            counts.append(len(table.rows))
        progress(1)
        if len(counts) < len(tables):
            yield Ended(job.job_id, job.metadata, WellStatus.NO_TABLE, "its table could not be read")
        else:
            yield Ended(
                job.job_id, job.metadata, status_of_tables(counts), "", sum(counts) if counts else None
            )


def matches(key: str, location: str, pattern: str) -> bool:
    """Whether a pattern means an output: by its name, or by its path below the job's location."""
    inner = key.removeprefix(f"{location}/") if location else key
    return means_output(pattern, inner)


def find_table(read: Read, bucket: str, key: str) -> CsvTable | str:
    """Return a table, or why there is none."""
    body = read(bucket, key)
    if body is None:
        return "it is gone"
    try:
        return read_table(body)
    except (NoTable, csv.Error) as error:
        return str(error)


def _not_done(states: JobStates, facts: Facts) -> Iterator[Ended]:
    """Yield the jobs that are not done, with the cause if it is known."""
    jobs = sorted(states.submitted - states.done)
    failed = {
        one.job_id: one
        for one in facts.failed(states.failures[job] for job in jobs if job in states.failures)
    }
    for job in jobs:
        metadata = metadata_in(states.names.get(job, ""))
        if job in failed:
            status = status_of_failure(failed[job].failure, given_up=job in states.dead)
            yield Ended(job, failed[job].metadata or metadata, status, failed[job].sentence)
        else:
            yield Ended(job, metadata, WellStatus.GIVEN_UP if job in states.dead else WellStatus.NOT_FINISHED)


def _not_submitted(states: JobStates, expected: JobFile | None) -> Iterator[Ended]:
    """Yield the groups of a job file that were never submitted."""
    for job in expected or ():
        if job.job_id not in states.submitted:
            yield Ended(job.job_id, job.metadata, WellStatus.NOT_SUBMITTED)


def _write(merger: Merger, target: Path) -> None:
    if target.suffix == ".csv":
        merger.write(target)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "all.csv"
        merger.write(plain)
        write_parquet(plain, target, merger.text_columns())


def _write_wells(rows: list[dict[str, Any]], target: Path) -> dict[str, int]:
    """Write the table of wells; return how many have each status."""
    last = ("Status", "Cause", "Jobs", "Objects")
    names = [*dict.fromkeys(name for row in rows for name in row if name not in last), *last]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["Status"]] = counts.get(row["Status"], 0) + 1
    return counts


def lines_of(wish: Wish, collected: Collected) -> list[str]:
    """Return what to report about the result."""
    merger = collected.merger
    said = [
        f"{counted(merger.rows, 'row')} from {counted(merger.tables, 'table')}: {shown(wish.target)}",
        f"{_listed(collected.wells)}: {shown(wish.second)}",
    ]
    return said + [f"{counted(number, 'table')} {how}" for how, number in sorted(merger.how.items())]


def warnings_of(collected: Collected) -> Iterable[str]:
    """Yield a line for each table that could not be read."""
    yield from collected.unread[:NAMED]
    if len(collected.unread) > NAMED:
        yield f"and {len(collected.unread) - NAMED} more tables could not be read"


def _listed(wells: Mapping[str, int]) -> str:
    order = [status.value for status in reversed(WellStatus)]
    return ", ".join(f"{wells[status]} {status}" for status in order if status in wells)
