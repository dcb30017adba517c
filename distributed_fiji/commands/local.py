"""`run.py local …`: look at the embedded cloud, talk to it, rehearse an interruption, end it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict

import click

from distributed_fiji.commands.commandline import Finite
from distributed_fiji.errors import NothingThere
from distributed_fiji.local import access
from distributed_fiji.local import cloud as clouds
from distributed_fiji.local.access import Cloud
from distributed_fiji.settings import check_bucket
from distributed_fiji.terminal import Terminal

#: Version 1 of the AWS CLI asks AWS itself for SQS, whatever AWS_ENDPOINT_URL_SQS says, unless it is told on
#: the command line (github.com/aws/aws-cli/issues/8737): nothing must leave this computer.
AWS_FUNCTION = """aws() {
  if [ "$1" = sqs ]; then command aws --endpoint-url "$AWS_ENDPOINT_URL_SQS" "$@"; else command aws "$@"; fi
}"""


def note(line: str) -> None:
    """Print a line of progress to stderr."""
    Terminal().note(line)


def running_cloud() -> Cloud:
    """Return the cloud that runs. Raises NothingThere."""
    found = clouds.find()
    if found is None:
        raise NothingThere("The embedded cloud does not run; `python run.py --local setup` starts it.")
    return found


@click.group(invoke_without_command=True)
@click.pass_context
def local(called: click.Context) -> None:
    """Manage the embedded cloud that --local uses.

    \b
    Example:
      python run.py local status
    """
    if called.invoked_subcommand is None:
        click.echo(called.get_help())


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script to read.")
def status(as_json: bool) -> None:
    """Show what runs, where the buckets are, and which tasks run on which machine.

    \b
    Example:
      python run.py local status
    """
    from distributed_fiji.local import status as statuses

    found = statuses.status(running_cloud())
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, default=str))
        return
    say = Terminal().say
    for server in found.servers:
        answers = "answers" if server.answers else "does not answer"
        say(f"{server.name:<13} {server.url}  pid {server.pid}  {answers}")
    for name, folder in found.buckets.items():
        say(f"bucket        s3://{name}/  {folder}")
    for instance_id, tasks in found.machines.items():
        say(f"machine       {instance_id}  {', '.join(tasks) or 'no task'}")
    say(f"region        {found.region}, tasks run as {found.runtime}")
    say(f"logs          {found.root / 'logs'}")


@local.command()
def env() -> None:
    """Print the exports with which the AWS CLI and others talk to the embedded cloud.

    Starts it if it does not run.

    \b
    Example:
      eval "$(python run.py local env)"
      aws s3 ls s3://BUCKET/
    """
    found = clouds.start(progress=note)
    wanted = found.environment() | access.proxy_exceptions(os.environ)
    for name in sorted(set(access.unset_names(os.environ)) - set(wanted)):
        click.echo(f"unset {name}")
    for name, value in wanted.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(AWS_FUNCTION)


@local.command()
@click.argument("name")
def bucket(name: str) -> None:
    """Make a bucket, a folder to put your images into; start the cloud if it does not run.

    \b
    Example:
      python run.py local bucket my-images
    """
    check_bucket(name)
    found = clouds.start(progress=note)
    clouds.ensure_bucket(found.client("s3"), name)
    click.echo(f"{found.folders.buckets / name}")
    note("Files come into it by `aws s3 cp`: see `python run.py local env --help`")


@local.command()
def stop() -> None:
    """End the embedded cloud; the buckets' files stay, all else was in memory.

    \b
    Example:
      python run.py local stop
    """
    note("The embedded cloud has ended" if clouds.stop() else "The embedded cloud did not run")


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """End the embedded cloud and delete its folder, the buckets' files too.

    \b
    Example:
      python run.py local reset --yes
    """
    if not clouds.ROOT.exists():
        note(f"There is no {clouds.ROOT}")
        return
    if not yes:
        click.confirm(f"Delete {clouds.ROOT} with all buckets in it?", abort=True, err=True)
    clouds.reset()
    note(f"{clouds.ROOT} is deleted")


@local.command()
@click.argument("instance_id", required=False)
@click.option("--notice/--no-notice", default=True, help="Give the machine notice, as EC2 usually does.")
@click.option(
    "--seconds",
    type=Finite(0, 3600),
    default=10.0,
    show_default=True,
    help="Time between notice and end; EC2: 120.",
)
def interrupt(instance_id: str | None, notice: bool, seconds: float) -> None:
    """Take a spot machine away: the one named, or the one with the most tasks.

    \b
    Example:
      python run.py local interrupt
      python run.py local interrupt --no-notice i-0123456789abcdef0
    """
    from distributed_fiji.local import interruption

    chosen = interruption.interrupt(running_cloud(), instance_id, notice=notice, seconds=seconds)
    click.echo(chosen)
    note(f"Ends in {seconds:g} s" if notice else "Is ended without notice")
