"""The commands that show what happened, as click commands; each imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distributed_fiji import errors
from distributed_fiji.commands.commandline import FLEET, Context, changing, common

if TYPE_CHECKING:
    from distributed_fiji.aws.clients import Clients
    from distributed_fiji.settings import Settings

COMMANDS: list[click.Command] = []

#: Which run is meant.
RUN = click.option(
    "--run",
    "given",
    type=click.Path(path_type=Path),
    help="App's name or record of a run.  [default: APP_NAME in config.py]",
)


def command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Add a command of run.py."""

    def add(function: Callable[..., None]) -> click.Command:
        made: click.Command = click.command(name)(common(click.pass_obj(function)))
        COMMANDS.append(made)
        return made

    return add


@command("collect")
@click.argument("pattern")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("collected.csv"),
    show_default=True,
    help="The table, as .csv or .parquet (needs pyarrow).",
)
@click.option(
    "--style",
    type=click.Choice(["plain", "cytomining"]),
    default="plain",
    show_default=True,
    help="Names of the columns with metadata; cytomining: Metadata_Plate, Metadata_Well.",
)
@click.option(
    "--expect",
    type=click.Path(path_type=Path),
    help="Job file; its groups that were not submitted count as expected, too.",
)
@click.option(
    "--wells", type=click.Choice(["6", "12", "24", "48", "96", "384", "1536"]), help="Size of the plates."
)
@click.option("--overwrite", is_flag=True, help="Replace both tables if they exist.")
@RUN
def collect(context: Context, pattern: str, output: Path, given: Path | None, **options: Any) -> None:
    """Put the tables of all finished jobs into one.

    Each job's metadata become columns. PATTERN names the tables among the jobs' outputs; quote it. A second
    table, OUTPUT.wells.csv, has a row for each expected well: done with so many objects, done without
    objects, given up and why, input missing, not submitted. Exits with 3 if a table could not be read.

    \b
    Example: python run.py collect "*_Results.csv" -o nuclei.csv
    """
    from distributed_fiji.commands import collect as collecting
    from distributed_fiji.jobs import read_job_file

    expected = read_job_file(options["expect"]) if options["expect"] else None
    wells = int(options["wells"]) if options["wells"] else None
    wish = collecting.Wish(pattern, output, options["style"], options["overwrite"], expected, wells)
    collecting.check(wish)
    run, clients = context.open_run(given)
    collected = collecting.collect(run, clients, context.reader(clients), wish, context.terminal)
    for line in collecting.warnings_of(collected):
        context.terminal.warn(line)
    for line in collecting.lines_of(wish, collected):
        context.terminal.say(line)
    sys.exit(errors.JOBS_FAILED if collected.unread else 0)


@command("report")
@click.argument("run_or_app", metavar="[APP_NAME|FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    help="Folder for report.html, wells.csv and ro-crate-metadata.json.",
)
@click.option(
    "--tables",
    metavar="PATTERN",
    default="",
    help="Tables among the jobs' outputs, as '*_Results.csv'; their columns become maps.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
def report(context: Context, run_or_app: Path | None, output: Path, tables: str, overwrite: bool) -> None:
    """Write a page about a run that opens offline.

    The page has the verdict, cost, failures with commands, maps of the plates, times, memory, what was run,
    and a paragraph for the methods. A table beside it has the exact figures of every well. The run may still
    be going on. Without an argument, the app in config.py is meant.

    \b
    Example: python run.py report --tables "*_Results.csv"
    """
    from distributed_fiji.commands import report as reporting

    request = reporting.Request(output, tables, overwrite)
    reporting.check(request)
    run, clients = context.open_run(run_or_app)
    request = replace(request, program=context.terminal.command(), settings=context.settings_of(run.app_name))
    read, now = context.reader(clients), context.clock.now()
    facts = reporting.report(run, clients, read, request, now, context.terminal)
    for line in reporting.lines_of(request, facts):
        context.terminal.say(line)


@command("compare")
@click.argument("first", metavar="REPORT1", type=click.Path(path_type=Path))
@click.argument("second", metavar="REPORT2", type=click.Path(path_type=Path))
def compare(context: Context, first: Path, second: Path) -> None:
    """Compare two runs by their reports.

    Says what of script, FIJI, parameters and inputs differs, and how the results do, well by well. REPORT1
    and REPORT2 are folders that `report` wrote: of two apps, or of one app before and after. AWS is not
    asked.

    \b
    Example: python run.py compare report-may report-june
    """
    from distributed_fiji.commands.compare import compare as run_compare

    for line in list(run_compare(first, second)):
        context.terminal.say(line)


@command("failures")
@click.argument("run_or_app", metavar="[APP_NAME|FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print a CSV with a row for each failed job.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def failures(context: Context, run_or_app: Path | None, as_csv: bool, as_json: bool) -> None:
    """Say why jobs failed, in groups by cause.

    Each group has what its jobs share, what helps, and the command that runs them again.
    Sentences that differ only in paths, wells, numbers and the like are one cause. The run may still be going
    on. Without an argument, the app in config.py is meant.

    \b
    Example: python run.py failures
    """
    from distributed_fiji.commands import failures as failing

    if as_csv and as_json:
        raise click.UsageError("--csv and --json: one or the other")
    run, clients = context.open_run(run_or_app)
    found = failing.read_failures(run, clients, context.reader(clients))
    if as_csv or as_json:
        click.echo(failing.as_csv(found) if as_csv else failing.as_json(found))
        return
    for line in failing.lines_of(found):
        context.terminal.say(line)


@command("retry")
@click.option("--group", metavar="N", help="Group, by its number or key in `failures`.")
@click.option("--job", "jobs", multiple=True, metavar="ID", help="Job, by its ID. Repeatable.")
@click.option("--well", "wells", multiple=True, metavar="WELL", help="Well, as A02 or 'P1 A02'. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="All jobs that were given up.")
@click.option("--memory", type=click.IntRange(min=1), metavar="MB", help="First run setup with this MEMORY.")
@changing
def retry(
    context: Context,
    group: str | None,
    jobs: tuple[str, ...],
    wells: tuple[str, ...],
    everything: bool,
    memory: int | None,
) -> None:
    """Return a group of failed jobs to the queue.

    Raises a running fleet and service for them. Give one of --group, --job, --well and --all. Each job has
    all its attempts again. Safe to interrupt and rerun.

    \b
    Example: python run.py retry --group 1
    """
    from distributed_fiji.commands import retry as retrying
    from distributed_fiji.commands.failures import read_failures

    if sum(map(bool, (group, jobs, wells, everything))) != 1:
        raise click.UsageError("give one of --group, --job, --well and --all")
    settings = context.settings()
    run, clients = context.open_run(None)
    # Dead letters are received for that, and shown again at once, as by `failures`.
    with context.noted.off() if context.noted else nullcontext():
        found = read_failures(run, clients, context.reader(clients))
    choice = retrying.Choice(group or "", jobs, wells, everything)
    wanted = retrying.chosen(choice, found, retrying.find_interrupted(run, clients))
    if memory:
        settings = _more_memory(context, settings, clients, memory)
    done = retrying.retry(settings, clients, run, wanted, found.states, context.clock, context.terminal)
    if context.dry_run:
        context.plan = list(retrying.plan_lines(wanted, found.states, done))
        return
    for line in retrying.lines_of(done, found.states):
        context.terminal.say(line)
    if done.redriven.moved and not done.is_running:
        context.terminal.note(f"Next: python run.py startCluster {context.file_beside(*FLEET)}")


def _more_memory(context: Context, settings: Settings, clients: Clients, memory: int) -> Settings:
    """Let setup give the tasks this memory; return the settings with it. Raises what setup raises."""
    from distributed_fiji.commands.setup import setup

    more = settings.model_copy(update={"MEMORY": memory})
    folder, languages = context.config.parent, context.languages()
    context.terminal.changes(setup(more, clients, folder, context.clock, context.terminal, languages))
    context.terminal.note(f"Set MEMORY = {memory} in config.py as well: the next setup uses what it says.")
    return more


@command("resubmit")
@click.argument("job_file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Send jobs a second time without asking.")
@changing
def resubmit(context: Context, job_file: Path, yes: bool) -> None:
    """Submit only those groups of a job file that are not done.

    A job counts as done if its outputs exist as its manifest lists them, and today's script made them. Images
    are not compared: for that, `submitJob` sends all groups, and workers check each.

    \b
    Example: python run.py resubmit files/exampleJob.json
    """
    from distributed_fiji.commands.confirmations import asking
    from distributed_fiji.commands.jobinputs import check_inputs_for
    from distributed_fiji.commands.resubmit import resubmit as run_resubmit
    from distributed_fiji.commands.submit import Manner
    from distributed_fiji.jobs import read_job_file
    from distributed_fiji.monitor.result import counted

    settings, jobs = context.settings(), read_job_file(job_file)
    check_inputs_for(settings, jobs, str(job_file))
    clients = context.connect_for(settings)
    manner = Manner(context.config.parent, asking(context.terminal, yes=yes or context.is_free))
    read = context.reader(clients)
    done = run_resubmit(
        settings, clients, (job_file.name, jobs), read, context.clock, context.terminal, manner
    )
    if context.dry_run:
        context.plan = [f"{counted(done.sent, 'job')} to send, {done.left_out} left out that are done"]
        return
    context.terminal.say(f"{counted(done.sent, 'job')} sent, {done.left_out} left out that are done")
    if done.sent:
        context.terminal.note(f"Next: python run.py startCluster {context.file_beside(*FLEET)}")


@command("status")
@click.argument("run_or_app", metavar="[APP_NAME|FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Show it every ten seconds, until Ctrl-C or the end.")
@click.option("--wait", is_flag=True, help="Show it once no job is left to be done.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 unless all jobs are done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(
    context: Context, run_or_app: Path | None, watch: bool, wait: bool, exit_code: bool, as_json: bool
) -> None:
    """Show how a run stands, with a map of its plates.

    Shows jobs, machines, pace, cost and time left, and changes nothing. Without an argument, the app in
    config.py is meant.

    \b
    Example: python run.py status
    """
    from distributed_fiji.commands import status as standing

    run, clients = context.open_run(run_or_app)
    looker, clock = standing.Looker(run, clients), context.clock

    def tell(seen: standing.Seen) -> None:
        if as_json:
            click.echo(standing.as_json(seen))
        else:
            standing.show(seen, context.terminal)

    if watch or wait:
        last = standing.wait(looker, clock, tell if watch else lambda _: None)
    else:
        last = looker.look(clock.now())
    if not watch:
        tell(last)
    sys.exit(last.exit_code if exit_code else 0)


@command("doctor")
@click.argument("run_or_app", metavar="[APP_NAME|FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(context: Context, run_or_app: Path | None, as_json: bool) -> None:
    """Say why nothing runs: the first broken link, and its cure.

    Walks from your keys, the run, its queue and its fleet to machines, tasks, workers and the first job.
    Changes nothing and costs nothing. Without an argument, the app in config.py is meant. Exits with 1 if a
    link is broken, or if missing permissions leave that open.

    \b
    Example: python run.py doctor
    """
    from distributed_fiji.commands import doctor as examining

    judged = examining.examine(context, run_or_app)
    examining.show(judged, context.terminal, as_json=as_json)
    sys.exit(examining.exit_code(judged))


@command("logs")
@click.argument("job_id", required=False)
@click.option("--well", metavar="WELL", help="The job of this well, as A02 or 'P1 A02'.")
@click.option("--attempt", type=click.IntRange(min=1), help="Attempt.  [default: the last]")
@click.option("--follow", is_flag=True, help="Show the lines of a running job as they come.")
@click.option(
    "--errors", "only_errors", is_flag=True, help="Only lines that tell of errors, and some around."
)
@click.option("--group", metavar="N", help="With --grep: all jobs of this group of `failures`.")
@click.option("--grep", metavar="TEXT", help="With --group: only lines that contain TEXT.")
@RUN
def logs(context: Context, /, job_id: str | None, given: Path | None, **options: Any) -> None:
    """Show what FIJI printed for a job.

    Works while the job runs, and afterwards.

    \b
    Example: python run.py logs --well A02 --errors
    """
    from distributed_fiji.commands.failures import read_failures
    from distributed_fiji.commands.logs import Logs, errors_in, job_meant
    from distributed_fiji.commands.retry import jobs_of_well
    from distributed_fiji.review.jobstates import read_states

    group, text, well = options["group"], options["grep"], options["well"]
    if bool(group) != bool(text) or sum(map(bool, (job_id, well, group))) != 1:
        raise click.UsageError("give a job's ID, --well WELL, or --group N with --grep TEXT")
    run, clients = context.open_run(given)
    read = context.reader(clients)
    kept = Logs(run, clients, read)
    if group:
        found = read_failures(run, clients, read)
        lines = kept.grep(found.group(group).jobs, text, found.states)
    else:
        wells = jobs_of_well(well, read_states(run, clients)) if well else []
        job, attempt = job_meant(job_id, wells, well), options["attempt"]
        follow = options["follow"]
        lines = kept.follow(job, attempt, context.clock) if follow else kept.lines(job, attempt)
    for line in errors_in(list(lines)) if options["only_errors"] else lines:
        context.terminal.say(line)
