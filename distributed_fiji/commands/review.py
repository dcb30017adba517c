"""The commands that look at what happened, as click knows them; each imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from distributed_fiji import errors
from distributed_fiji.commands.commandline import Context, common

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


@command("failures")
@click.argument("run_or_app", metavar="[APP_NAME|FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print a CSV with a row for each failed job.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def failures(context: Context, run_or_app: Path | None, as_csv: bool, as_json: bool) -> None:
    """Say why jobs failed: a group for each cause, with what its jobs share, what helps, and what to run.

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
