#!/usr/bin/env python3
"""The one command: reads arguments, calls one function, turns exceptions into exit codes."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed_fiji.aws.clients import Clients
    from distributed_fiji.state.record import Run

CHECKOUT = Path(__file__).resolve().parent

#: New objects after which the garbage collector looks through them. What a command loads stays: with Python's
#: own number, 700, the looking takes a fifth of a short command.
if __name__ == "__main__":
    gc.set_threshold(10_000)


def lacks(missing: ModuleNotFoundError) -> str:
    """Return what is said where a package is not installed. Raises what it is given for a module of ours."""
    if (missing.name or "").startswith("distributed_fiji"):
        raise missing
    return f"this Python has no {missing.name}. In {CHECKOUT}: `make venv`, then `source .venv/bin/activate`"


try:
    import click

    from distributed_fiji import VERSION, errors
    from distributed_fiji.commands import review
    from distributed_fiji.commands.commandline import FLEET, Context, Finite, bundle_size, changing, common
    from distributed_fiji.names import record_file_name
    from distributed_fiji.settings import check_app_name
    from distributed_fiji.terminal import PROGRAM, Terminal, shown, typed
except ModuleNotFoundError as missing:
    sys.exit(f"Error: {lacks(missing)}")


#: No job may take longer: SQS takes its message back then (JOB_TIMEOUT_MINUTES).
MOST_MINUTES = 690

#: More than any run costs; a limit also keeps out what is no number.
MOST_DOLLARS = 1_000_000


class Commands(click.Group):
    """The commands. Those of `local` are imported, with the embedded cloud, only when they are asked for."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name == "local":
            mount_more()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        mount_more()
        return super().list_commands(ctx)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="Distributed-FIJI", message="%(prog)s %(version)s")
@common
@click.pass_context
def main(called: click.Context) -> None:
    """Run one FIJI script over thousands of images on AWS spot instances.

    \b
    Run these in order:
      python run.py setup
      python run.py submitJob files/exampleJob.json
      python run.py startCluster files/exampleFleet.json
      python run.py monitor files/APP_NAMESpotFleetRequestId.json

    \b
    To rehearse on this machine, without AWS:
      python run.py --local setup
    """
    if called.invoked_subcommand is None:
        click.echo(called.get_help())


@main.command()
@changing
@common
@click.pass_obj
def setup(context: Context) -> None:
    """Create queue, roles, cluster, task definition and service. Safe to rerun.

    \b
    Example: python run.py setup
    """
    settings = context.settings()
    context.is_setup = True
    context.prepare_fiji()
    clients = context.connect_for(settings)
    from distributed_fiji.commands.datacosts import bucket_notes
    from distributed_fiji.commands.setup import setup as run_setup

    buckets = () if context.local else sorted({settings.AWS_BUCKET, settings.DESTINATION_BUCKET})
    notes = [line for bucket in buckets for line in bucket_notes(clients.s3, bucket)]
    folder, languages = context.config.parent, context.languages()
    changes = run_setup(
        settings, clients, folder, context.clock, context.terminal, languages, local=context.local
    )
    context.terminal.changes(changes)
    context.plan = [
        f"{change.kind} {change.name}: {change.did}" for change in changes if change.did != "kept"
    ]
    for line in notes:
        context.terminal.warn(line)
    context.terminal.note(f"Next: python run.py submitJob {context.file_beside('groups', 'exampleJob.json')}")


@main.command("submitJob")
@click.argument("job_file", type=click.Path(path_type=Path))
@click.option(
    "--undo", is_flag=True, help="Take back the jobs of this file's last submission that are still waiting."
)
@click.option("--replace", is_flag=True, help="First take back waiting jobs of earlier submissions.")
@click.option(
    "--bundle",
    metavar="auto|N",
    callback=bundle_size,
    help="Put up to N short jobs into one message, 100 at most; auto: as many as last a minute and a half.",
)
@click.option("--yes", is_flag=True, help="Send jobs a second time without asking.")
@click.option(
    "--why", metavar="JOB", help="With --dry-run: say why a job runs, or not; by its id or a value."
)
@changing
@common
@click.pass_obj
def submit_job(
    context: Context,
    job_file: Path,
    undo: bool,
    replace: bool,
    bundle: str | None,
    yes: bool,
    why: str | None,
) -> None:
    """Check a job file and send its jobs to the queue.

    Asks first if any of them were sent before and are not done yet.

    \b
    Example: python run.py submitJob files/exampleJob.json
    """
    from distributed_fiji.commands.bundling import check_workers_may_send, find_bundle
    from distributed_fiji.commands.confirmations import asking
    from distributed_fiji.commands.jobinputs import check_inputs_for
    from distributed_fiji.commands.submit import Manner
    from distributed_fiji.commands.submit import submit_job as run_submit_job
    from distributed_fiji.commands.submit import undo as run_undo
    from distributed_fiji.commands.submitplan import planned_jobs
    from distributed_fiji.jobs import read_job_file
    from distributed_fiji.monitor.result import counted

    if undo and (replace or bundle):
        raise click.UsageError(f"--undo and {'--replace' if replace else '--bundle'}: one or the other")
    if why and not context.dry_run:
        raise click.UsageError("--why needs --dry-run")
    settings, jobs = context.settings(), read_job_file(job_file)
    check_inputs_for(settings, jobs, str(job_file))
    clients = context.connect_for(settings)
    if context.dry_run and not undo:
        context.plan = planned_jobs(settings, clients.s3, context.config.parent, jobs, why)
    if undo or replace:
        context.plan.append(
            "Which of the jobs submitted before still wait is seen only when they are received."
        )
    if undo:
        context.terminal.say(run_undo(settings, clients, job_file.name, context.terminal).sentence)
        return
    most = find_bundle(context, settings, clients.s3, len(jobs.job_ids), bundle)
    if most > 1:
        check_workers_may_send(settings, clients.iam)
    confirm = asking(context.terminal, yes=yes or context.is_free)
    manner = Manner(context.config.parent, confirm, replace, most)
    done = run_submit_job(settings, clients, (job_file.name, jobs), context.clock, context.terminal, manner)
    if done.taken_back:
        context.terminal.note(done.taken_back.sentence)
    context.terminal.say(f"{counted(done.sent, 'job')} sent to {done.queue_url}")
    context.terminal.note(f"Next: python run.py startCluster {context.file_beside(*FLEET)}")


@main.command()
@click.argument("job_file", type=click.Path(path_type=Path), required=False)
@click.argument("fleet_file", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common
@click.pass_obj
def check(context: Context, job_file: Path | None, fleet_file: Path | None, as_json: bool) -> None:
    """Find everything that is wrong before it costs anything.

    Looks at config.py, a job file and a fleet file, lists all findings at once, worst first, and changes
    nothing. setup, submitJob and startCluster check the same before they change anything. Exits with 2 if a
    finding would stop them.

    \b
    Example: python run.py check files/exampleJob.json files/exampleFleet.json
    """
    from distributed_fiji.commands.check import check as run_check
    from distributed_fiji.commands.check import tell

    findings = run_check(context, job_file, fleet_file)
    tell(findings, context.terminal, as_json=as_json)
    sys.exit(errors.INVALID if any(one.severity == "stop" for one in findings) else 0)


@main.command("makeJob")
@click.argument("pattern", required=False)
@click.option(
    "--per",
    metavar="NAMES",
    help="Names that make a job, as Plate,Well.  [default: all but site, channel, z, time]",
)
@click.option(
    "--csv",
    type=click.Path(path_type=Path),
    help="CSV with one row per job; with a pattern, joined to its jobs.",
)
@click.option(
    "--layout",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Plate layout to join, as CSV: a grid, or one row per well.",
)
@click.option(
    "--wells",
    type=click.Choice([str(size) for size in (6, 12, 24, 48, 96, 384, 1536)]),
    help="Size of the plates.",
)
@click.option("--plate", multiple=True, metavar="NAME", help="A plate, if neither pattern nor CSV names it.")
@click.option("--rows", metavar="ROWS", help="Rows, as A-H or B,D.")
@click.option("--columns", metavar="COLUMNS", help="Columns, as 1-12 or 2,4.")
@click.option(
    "--inputs",
    multiple=True,
    metavar="KEYS",
    help="Without a pattern, the keys of a job's images, with names in braces.",
)
@click.option(
    "--uploaded-to", metavar="PREFIX", help="Where a local folder's files are in S3.  [default: its name]"
)
@click.option("--output", metavar="PREFIX", help="Where outputs go.  [default: results/{NAME}/…]")
@click.option(
    "--to", type=click.Path(path_type=Path), default=Path("job.json"), show_default=True, help="The job file."
)
@click.option(
    "--groups-to",
    type=click.Path(path_type=Path),
    help="Write the groups into this .jsonl file, which the job file names. For 100,000 jobs and more.",
)
@click.option("--overwrite", is_flag=True, help="Replace the job file if it exists.")
@common
@click.pass_obj
def make_job(context: Context, /, **options: Any) -> None:
    """Write a job file from your images or a plate.

    Uses the keys of your images, a CSV, a plate layout, or rows and columns.

    PATTERN has names in braces: s3://bucket/key, a key of SOURCE_BUCKET, or ./folder/file on this machine.
    Quote it, because shells interpret braces, too. An existing file is kept.

    \b
    Example: python run.py makeJob 's3://my-bucket/plates/{Plate}/{Well}_s{Site}.tif'
    """
    from distributed_fiji.commands.makejob import Wanted
    from distributed_fiji.commands.makejob import make_job as run_make_job

    run_make_job(context, Wanted(**options))


@main.command()
@click.argument("job_file", required=False, type=click.Path(path_type=Path))
@click.argument("fleet_file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--minutes-per-job",
    type=Finite(min=0, max=MOST_MINUTES, min_open=True),
    help="How long you think a job takes, if none was measured.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common
@click.pass_obj
def estimate(
    context: Context,
    job_file: Path | None,
    fleet_file: Path | None,
    minutes_per_job: float | None,
    as_json: bool,
) -> None:
    """Estimate what a run will cost, and on which machines.

    Compares your machine types with better ones.

    Without JOB_FILE, for the jobs in the queue. How long a job takes is known from a rehearsal or from
    earlier runs; otherwise give --minutes-per-job.

    \b
    Example: python run.py estimate files/exampleJob.json --minutes-per-job 2
    """
    from distributed_fiji.commands.estimatecommand import estimate as run_estimate

    run_estimate(context, job_file, fleet_file, minutes_per_job, as_json=as_json)


@main.command("tryScript")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the job file and the settings.  [default: current folder]",
)
@click.option("--overwrite", is_flag=True, help="Overwrite both files if they exist.")
@common
@click.pass_obj
def try_script(context: Context, script: Path, images: tuple[Path, ...], into: Path, overwrite: bool) -> None:
    """Try a script on an image or two; write a job file for it.

    Inspects the script, runs it here, and writes settings for it, too.

    If the job file exists already, it is used as it is: edit the answers in it and try again. This neither
    needs nor touches AWS. Exits with 3 if a job failed.

    \b
    Example: python run.py tryScript measure.ijm image1.tif image2.tif
    """
    from distributed_fiji.commands.tryscript import try_on_images

    context.choose("local", True)
    results = try_on_images(context, script, images, (into, overwrite), CHECKOUT)
    sys.exit(0 if all(one.is_done for one in results) else errors.JOBS_FAILED)


@main.command()
@click.argument("job_file", type=click.Path(path_type=Path))
@click.option("-n", "jobs", type=click.IntRange(1, 1000), default=8, show_default=True, help="How many jobs.")
@click.option(
    "--where",
    type=click.Choice(["local", "cloud"]),
    default="local",
    show_default=True,
    help="On this machine, or on one machine of AWS that is ended with its last job.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Local folder with the keys of SOURCE_BUCKET as files; AWS is not asked.",
)
@click.option("--fleet", type=click.Path(path_type=Path), help="Fleet file.  [default: all is found]")
@click.option(
    "--max-cost",
    type=Finite(min=0, max=MOST_DOLLARS, min_open=True),
    default=1.0,
    show_default=True,
    help="Most that the rehearsal may cost, in dollars.",
)
@click.option("--apply", is_flag=True, help="Write what is suggested into config.py.")
@common
@click.pass_obj
def rehearse(context: Context, /, job_file: Path, **options: Any) -> None:
    """Run a few jobs for real, and say what all will take.

    The jobs are spread over the sizes of their inputs, the largest among them. Prints seconds, memory and
    files, the time of all jobs with its 80 % range, and settings that fit. Exits with 3 if a job failed.

    \b
    Example: python run.py rehearse files/exampleJob.json
    """
    from distributed_fiji.commands.rehearse import Asked
    from distributed_fiji.commands.rehearse import rehearse as run_rehearse

    wanted = Asked(**options)
    if wanted.where == "cloud" and wanted.folder:
        raise click.UsageError("--folder belongs to --where local: machines of AWS read from S3")
    if wanted.where == "local" and wanted.fleet:
        raise click.UsageError("--fleet belongs to --where cloud: this machine needs no fleet file")
    sys.exit(run_rehearse(context, job_file, wanted))


@main.command()
@changing
@common
@click.pass_obj
def redrive(context: Context) -> None:
    """Return dead-lettered jobs to the queue. Safe to interrupt and rerun.

    \b
    Example: python run.py redrive
    """
    from distributed_fiji.commands.redrive import redrive as run_redrive
    from distributed_fiji.monitor.result import counted

    settings = context.settings()
    if context.dry_run:
        context.plan = ["Which dead letters are jobs of this app is seen only when they are received."]
    done = run_redrive(settings, context.connect_for(settings), context.clock, context.terminal)
    context.terminal.say(f"Returned {counted(done.moved, 'job')} to {settings.SQS_QUEUE_NAME}")
    if done.left:
        context.terminal.note(
            f"{counted(done.left, 'message')} left: not a valid job, another app's, or hidden for two minutes"
            " after an interrupted redrive. In that case, run redrive again."
        )
    if done.moved:
        context.terminal.note(f"Next: python run.py startCluster {context.file_beside(*FLEET)}")


@main.command("startCluster")
@click.argument("fleet_file", type=click.Path(path_type=Path))
@click.option(
    "--max-cost",
    type=Finite(min=0, max=MOST_DOLLARS, min_open=True),
    help="Most that the run may cost, in dollars; overrides MAX_COST in config.py.",
)
@click.option("--yes", is_flag=True, help="Do not ask, even if the queue is empty or the fleet is too large.")
@changing
@common
@click.pass_obj
def start_cluster(context: Context, fleet_file: Path, max_cost: float | None, yes: bool) -> None:
    """Start the spot fleet and wait until machines have joined. Ctrl-C takes it back.

    Shows what the run will cost and asks, also if the queue is empty, or holds fewer jobs than the fleet runs
    at once. Exits with 2 if the estimate is above MAX_COST.

    \b
    Example: python run.py startCluster files/exampleFleet.json
    """
    from distributed_fiji.commands.confirmations import agreeing, asking
    from distributed_fiji.commands.plan import Start
    from distributed_fiji.commands.start import start_cluster as run_start_cluster
    from distributed_fiji.fleetfile import read_fleet_file
    from distributed_fiji.state.recordfile import check_writable

    settings, file = context.settings(), read_fleet_file(fleet_file)
    if max_cost is not None:
        settings = settings.model_copy(update={"MAX_COST": max_cost})
    path = CHECKOUT / "files" / record_file_name(settings.APP_NAME)
    check_writable(path.parent)
    context.prepare_fiji()
    clients = context.connect_for(settings)
    ask_image = context.ask_image(clients)
    run = Start(
        settings,
        clients,
        path,
        context.clock,
        context.terminal,
        ask_image,
        context.local,
        asking(context.terminal, yes=yes or context.is_free),
        str(context.config.absolute()),
        agreeing(yes=yes or context.is_free),
    )
    record = run_start_cluster(run, file)
    limit = f", or once it has cost ${record.max_cost:g}" if record.max_cost else ""
    context.terminal.say(
        f"Fleet {record.fleet_id} is running; it ends automatically at {record.valid_until}{limit}."
    )
    context.terminal.note(f"Next: python run.py monitor {typed(path)}")


@main.command()
@click.argument("record_file", type=click.Path(path_type=Path))
@click.argument("cheapest", type=click.BOOL, default=False)
@changing
@common
@click.pass_obj
def monitor(context: Context, record_file: Path, cheapest: bool) -> None:
    """Watch a run to its end, then take everything down.

    RECORD_FILE is the file that startCluster wrote, or just the app's name; nothing else is needed. With
    CHEAPEST True, interrupted machines are not replaced after the first 15 minutes.

    \b
    Example: python run.py monitor files/APP_NAMESpotFleetRequestId.json
    """
    from distributed_fiji.commands.monitor import monitor as run_monitor
    from distributed_fiji.commands.monitor import plan_end
    from distributed_fiji.state.recordfile import check_writable, find_record

    record_file = find_record(record_file, CHECKOUT)
    record, clients = context.open_record(record_file)
    check_writable(record_file.parent)
    if context.dry_run:
        context.plan = plan_end(record, clients, context.clock)
        return
    result = run_monitor(
        record,
        clients,
        cheapest=cheapest,
        clock=context.clock,
        out=context.terminal,
        listing=record_file.with_name(f"{record_file.stem}.notdone.tsv"),
        check=context.check_cloud,
    )
    if context.local:
        from distributed_fiji.local import cloud, state

        folder = state.Folders(cloud.ROOT).buckets / record.destination_bucket
        context.terminal.note(
            f"On this machine, s3://{record.destination_bucket}/ is the folder {shown(folder)}"
        )
    if result.exit_code != errors.INTERRUPTED:
        report_of(context, record, clients, record_file.with_name(f"{record.app_name}Report"), result.jobs)
    sys.exit(result.exit_code)


def report_of(context: Context, run: Run, clients: Clients, folder: Path, jobs: int) -> None:
    """Write the report of a run that has ended with so many jobs, or say how."""
    from distributed_fiji.commands.report import MOST_AT_END, Request, report_at_end

    if jobs > MOST_AT_END:
        context.terminal.note(f"For a report: python run.py report {run.app_name}")
        return
    program, settings = context.terminal.command(), context.settings_of(run.app_name)
    request = Request(folder, "", True, program, settings)
    report_at_end(run, clients, context.reader(clients), request, context.clock.now(), context.terminal)


@main.command()
@click.argument("app_name", required=False)
@click.option("--region", help="Region to look in.  [default: AWS_REGION in config.py]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common
@click.pass_obj
def inventory(context: Context, app_name: str | None, region: str | None, as_json: bool) -> None:
    """List resources, and what each costs.

    Lists one app, or all apps in the region.

    \b
    Example: python run.py inventory
    """
    from distributed_fiji.aws.unseen import Unseen
    from distributed_fiji.commands.inventory import inventory as find_items
    from distributed_fiji.commands.inventory import listing
    from distributed_fiji.monitor.result import counted

    check_app_name(app_name)
    clients = context.connect(*context.place(region), set())
    unseen = Unseen()
    items = find_items(clients, app_name, unseen)
    if as_json:
        context.terminal.say(
            json.dumps([asdict(item) | {"bills": item.bills, "costs": item.costs} for item in items])
        )
    elif items:
        context.terminal.out.print(listing(items))
    billing = sum(item.bills for item in items)
    context.terminal.note(f"{counted(len(items), 'resource')} in {clients.region}, {billing} billable.")
    for line in unseen.sentences:
        context.terminal.warn(line)
    if unseen:
        sys.exit(errors.SOMETHING_LEFT)


@main.command()
@click.argument("app_name", required=False)
@click.option("--region", help="Region to clean.  [default: AWS_REGION in config.py]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--keep", default="logs,results", show_default=True, help="What to keep, comma-separated; '' for nothing."
)
@changing
@common
@click.pass_obj
def cleanup(context: Context, app_name: str | None, region: str | None, yes: bool, keep: str) -> None:
    """Remove all resources of one app; verify that none remain.

    Needs only the app's name, no file and no config.py. Exits with 4 if anything billable remains.

    \b
    Example: python run.py cleanup MyApp
    """
    from distributed_fiji.commands.cleanup import cleanup as run_cleanup
    from distributed_fiji.commands.cleanup import read_keep

    check_app_name(app_name)
    kept, name = read_keep(keep), context.settings().APP_NAME if app_name is None else app_name
    clients = context.connect(*context.place(region), set())

    def confirm(question: str) -> bool:
        return yes or context.dry_run or click.confirm(question, err=True)

    sys.exit(
        run_cleanup(clients, name, confirm=confirm, keep=kept, clock=context.clock, out=context.terminal)
    )


@main.command()
@click.argument("commands", nargs=-1, metavar="[COMMAND]...")
@click.option("--roles", is_flag=True, help="Print the roles instead, for an administrator to create.")
@click.option("--account", help="AWS account number.  [default: that of your keys]")
@click.option("--rehearsal", is_flag=True, help="For the app as which `rehearse --where cloud` runs.")
@common
@click.pass_obj
def policy(
    context: Context, commands: tuple[str, ...], roles: bool, account: str | None, rehearsal: bool
) -> None:
    """Print the smallest IAM policy that you need.

    Prints JSON, for the given commands or for all.

    \b
    Example: python run.py policy submitJob startCluster monitor
    """
    from distributed_fiji.commands.policy import print_policy
    from distributed_fiji.rehearsals import rehearsal_settings

    settings = rehearsal_settings(context.settings()) if rehearsal else context.settings()
    number = account or context.connect(settings.AWS_REGION, settings.AWS_PROFILE, set()).account
    print_policy(settings, number, commands, roles=roles, terminal=context.terminal)


for one in review.COMMANDS:
    main.add_command(one)


def mount_more() -> None:
    """Add the commands that live beside what they command."""
    from distributed_fiji.commands.local import local

    main.add_command(local)


def _usage_line(error: click.ClickException) -> str:
    """Return click's sentence and the help that belongs to it, in one line."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "run.py"
    return f"{' '.join(error.format_message().split())} (for help: python {command} --help)"


def _not_answered(error: Exception, context: Context, arguments: list[str]) -> int:
    """Say why AWS did not do it: with --local, that the embedded cloud has ended, where it has."""
    try:
        context.check_cloud()
    except errors.DistributedFijiError as ended:
        context.terminal.fail(str(ended))
        return errors.FAILED
    from distributed_fiji.aws.refusals import keys_are_over

    context.terminal.fail(failure(error, arguments))
    return errors.KEYS_OVER if keys_are_over(error) else errors.FAILED


def aws_errors() -> tuple[type[Exception], ...]:
    """Return what a call raises that AWS refused; boto3 is imported only where AWS is asked."""
    from distributed_fiji.aws.clients import AwsError

    return AwsError


def failure(error: Exception, arguments: list[str]) -> str:
    """Return what is said of AWS's refusal: a missing permission is named, with where all of them stand."""
    from distributed_fiji.aws.clients import KEYS_ADVICE, error_text
    from distributed_fiji.aws.refusals import is_denied, keys_are_over

    if keys_are_over(error):
        return f"AWS no longer accepts your keys: {error_text(error)}. {KEYS_ADVICE}."
    text = f"AWS refused or did not respond: {error_text(error)}"
    command = next((word for word in arguments if word in main.commands), "")
    if not is_denied(error):
        return text
    return f"{text}. `python run.py policy {command}` prints what it needs (docs/permissions.md)."


def called_as(program: str) -> str:
    """Return how run.py is called from here: as the pages say, by the PATH alone, or by its path.

    `program`: its path, as Python was given it.
    """
    if Path("run.py").resolve() == CHECKOUT / "run.py":
        return PROGRAM
    found = shutil.which("run.py")
    return "run.py" if found and Path(found).samefile(program) else f"python {typed(Path(program))}"


def run(arguments: list[str], program: str = PROGRAM) -> int:
    """Start a command; return its exit code. Every exception that a user can cause ends here.

    `program`: how run.py was called, which is how advice names it.
    """
    terminal = Terminal()
    terminal.program = program
    context = Context(terminal)
    try:
        main.main(arguments, prog_name="run.py", standalone_mode=False, obj=context)
        context.show_plan()
    except click.ClickException as error:
        terminal.fail(_usage_line(error))
        return errors.INVALID
    except errors.DistributedFijiError as error:
        terminal.fail(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        terminal.note("Interrupted.")
        return errors.INTERRUPTED
    except SystemExit as end:
        context.show_plan()
        return end.code if isinstance(end.code, int) else errors.FAILED
    except ModuleNotFoundError as missing:
        terminal.fail(lacks(missing))
        return errors.FAILED
    except aws_errors() as error:
        return _not_answered(error, context, arguments)
    except OSError as error:
        terminal.fail(errors.of_file(error))
        return errors.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], called_as(sys.argv[0])))
