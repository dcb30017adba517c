"""What a report is made from, read from the bucket once through: states, records, tables, machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.commands.collect import find_table, matches
from distributed_fiji.jobnames import printable
from distributed_fiji.monitor.machines import read_machines
from distributed_fiji.monitor.meter import Meter, read_ledger
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.monitor.spending import Ledger
from distributed_fiji.report.columns import sums_of
from distributed_fiji.report.tails import tails_of
from distributed_fiji.report.tally import Tally
from distributed_fiji.report.thumbnails import ShownThumbnails
from distributed_fiji.report.wells import Wells
from distributed_fiji.review.csvtext import CsvTable
from distributed_fiji.review.facts import DoneJob, Facts, FailedJob
from distributed_fiji.review.groups import Group, grouped
from distributed_fiji.review.jobstates import JobStates, metadata_in, read_states
from distributed_fiji.review.parallel import Read, in_parallel
from distributed_fiji.review.traits import Known, known_of
from distributed_fiji.review.wells import WellStatus, status_of_failure, status_of_tables
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run
from distributed_fiji.terminal import Terminal
from worker.contract.jobs import failure_key, job_name

#: Counts on what a command has read.
Progress = Callable[[int], None]

#: Finished jobs that are remembered for what failed ones do not share with them; failed jobs whose console is
#: kept.
MOST_OTHERS, MOST_CONSOLES = 20_000, 5_000

#: Columns of the jobs' tables that become measures at most.
MOST_COLUMNS = 40

#: The measures that every run has.
SECONDS, MEMORY, OBJECTS = "seconds in FIJI", "peak memory, MB", "objects"


@dataclass
class ReportFacts:
    """What is known of a run. `names`: of jobs that are not done, and of the slowest ones.

    `unread`: finished jobs whose manifest could not be read; `bad_tables`: tables that could not be read.
    `with_thumbnails`: jobs; `pictured`: these with their runs, by well. `tails`: last lines of a failed job's
    console, by well. `cost`: dollars; None where no machine is on record.
    """

    states: JobStates
    names: dict[str, str]
    tally: Tally = field(default_factory=Tally)
    wells: Wells = field(default_factory=Wells)
    groups: list[Group] = field(default_factory=list)
    others: list[Known] = field(default_factory=list)
    unread: int = 0
    bad_tables: int = 0
    tables: int = 0
    left_out_columns: set[str] = field(default_factory=set)
    with_thumbnails: AbstractSet[str] = frozenset()
    pictured: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    thumbnails: ShownThumbnails = field(default_factory=ShownThumbnails)
    tails: dict[int, str] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)
    cost: float | None = None


def read_facts(
    run: Run, clients: Clients, read: Read, pattern: str, now: float, terminal: Terminal
) -> ReportFacts:
    """Read everything. `pattern`: of the jobs' tables that become measures, '' for none. Raises AwsError."""
    states = read_states(run, clients, names=False)
    state, facts = JobState(run, clients.s3), Facts(run, read, clients.s3)
    found = ReportFacts(states, state.names(states.submitted - states.done))
    found.with_thumbnails = frozenset(state.pictured())
    keys = _attempts(state, states, run.started)
    with terminal.counting("Reading records", len(states.done) + len(keys)) as progress:
        last = _read_attempts(facts, keys, found, progress)
        _read_done(facts, read, pattern, found, progress)
    enter_unfinished(found, {job: last[job] for job in states.failures if job in last})
    found.names |= state.names({job for _, job in found.tally.slowest})
    found.ledger, found.cost = _machines(run, clients, now, is_over=states.over)
    return found


def _attempts(state: JobState, states: JobStates, started: float) -> dict[str, bool]:
    """Return the keys of failure records, the oldest of a job first, and whether each is of this run."""
    found = {
        key: written >= int(started)
        for job, records in state.failures().items()
        if job in states.submitted
        for key, written in records
    }
    wanted = set(states.failures.values())
    return {key: is_own for key, is_own in found.items() if is_own or key in wanted}


def _read_attempts(
    facts: Facts, keys: Mapping[str, bool], found: ReportFacts, progress: Progress
) -> dict[str, FailedJob]:
    """Count all failed attempts of this run; return the last one of each job."""
    last: dict[str, FailedJob] = {}
    for one in facts.failed(keys):
        if keys.get(failure_key(facts.app_name, one.job_id, one.attempt), True):
            found.tally.add_failed(one)
        keeps = len(last) < MOST_CONSOLES
        last[one.job_id] = replace(one, body="", console=one.console if keeps else ())
        progress(1)
    return last


def _read_done(facts: Facts, read: Read, pattern: str, found: ReportFacts, progress: Progress) -> None:
    """Count finished jobs, and enter what is known of their wells."""

    def load(job: DoneJob) -> tuple[DoneJob, list[CsvTable | str]]:
        keys = [key for key in job.outputs if pattern and matches(key, job.location, pattern)]
        return job, [find_table(read, job.destination, key) for key in keys]

    jobs = facts.done(found.states.done)
    for job, tables in in_parallel(load, jobs) if pattern else ((job, []) for job in jobs):
        enter_done(found, job, tables, asked=bool(pattern))
        progress(1)
    found.unread = len(found.states.done) - found.tally.done


def enter_done(found: ReportFacts, job: DoneJob, tables: list[CsvTable | str], *, asked: bool) -> None:
    """Count a finished job; enter its well, its measures and its tables' columns. `asked`: for tables."""
    found.tally.add_done(job)
    if len(found.others) < MOST_OTHERS:
        found.others.append(known_of(job.metadata, job.input_bytes, job.machine))
    read = [table for table in tables if not isinstance(table, str)]
    found.tables += len(read)
    found.bad_tables += len(tables) - len(read)
    well = found.wells.well(job.metadata)
    if well is None:
        return
    status = status_of_tables([len(table.rows) for table in read]) if asked else WellStatus.DONE
    found.wells.add(well, status, is_warned=bool(job.course.warnings), inputs=job.course.inputs)
    if job.job_id in found.with_thumbnails:
        found.pictured.setdefault(well, []).append((job.job_id, job.run_id))
    for name, value in ((SECONDS, job.course.seconds.get("fiji")), (MEMORY, job.course.peak_memory_mb)):
        if value:
            found.wells.measure(name, is_aside=True).add(well, value, 1)
    for table in read:
        found.wells.measure(OBJECTS, is_sum=True).add(well, len(table.rows), 1)
        _enter_columns(found, well, table)


def _enter_columns(found: ReportFacts, well: int, table: CsvTable) -> None:
    for name, (total, count) in sums_of(table).items():
        called = f"{printable(name)}, mean"
        if called in found.wells.measures or len(found.wells.measures) < MOST_COLUMNS:
            found.wells.measure(called).add(well, total, count)
        else:
            found.left_out_columns.add(called)


def enter_unfinished(found: ReportFacts, failed: Mapping[str, FailedJob]) -> None:
    """Put failures into groups, and enter the wells of all jobs that are not done."""
    states = found.states
    found.groups = grouped(failed.values(), found.others, states.dead) if failed else []
    cause = {job: number for number, group in enumerate(found.groups) for job in group.jobs}
    tails = tails_of(found.groups, {job: one.console for job, one in failed.items()})
    for job in sorted(states.submitted - states.done):
        one = failed.get(job)
        metadata = (one.metadata if one else {}) or metadata_in(found.names.get(job, ""))
        if one and not found.names.get(job):
            found.names[job] = job_name(one.metadata)
        well = found.wells.well(metadata)
        if well is not None:
            found.wells.add(well, _status(job, states, one), cause=cause.get(job))
            if job in tails:
                found.tails.setdefault(well, tails[job])


def _status(job: str, states: JobStates, failed: FailedJob | None) -> WellStatus:
    if failed:
        return status_of_failure(failed.failure, given_up=job in states.dead)
    return WellStatus.GIVEN_UP if job in states.dead else WellStatus.NOT_FINISHED


def _machines(run: Run, clients: Clients, now: float, *, is_over: bool) -> tuple[Ledger, float | None]:
    """Return a run's machines and what they have cost; None where none is on record, or that is unknown."""
    try:
        ledger, seen = read_ledger(clients.s3, run), tuple[Machine, ...]()
        if is_over:
            # EC2 has forgotten them, perhaps weeks ago: what was not seen to end was last seen then.
            now = max((stay.last for stay in ledger.values()), default=now)
        elif run.fleet_id:
            seen = read_machines(clients.ec2, run)
        meter = Meter(run, clients)
        cost = meter.read(seen, now)
    except AwsError:
        return {}, None
    return meter.ledger, cost if meter.ledger else None
