"""`run.py local …`: inspect the embedded cloud, connect to it, rehearse an interruption, stop it."""

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

#: Version 1 of the AWS CLI sends SQS calls to AWS, whatever AWS_ENDPOINT_URL_SQS says, unless told otherwise
#: on the command line (github.com/aws/aws-cli/issues/8737). Nothing must leave this computer.
AWS_FUNCTION = """aws() {
  if [ "$1" = sqs ]; then command aws --endpoint-url "$AWS_ENDPOINT_URL_SQS" "$@"; else command aws "$@"; fi
}"""


def note(line: str) -> None:
    """Print a line of progress to stderr."""
    click.get_current_context().obj.terminal.note(line)


def running_cloud() -> Cloud:
    """Return the running cloud. Raises NothingThere."""
    clouds.check_is_there()
    found = clouds.find()
    if found is None:  # it has just ended
        raise NothingThere("The embedded cloud has stopped.")
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show which servers are running, where the buckets are, and which tasks run on which machine.

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
        answers = "responds" if server.answers else "does not respond"
        say(f"{server.name:<13} {server.url}  pid {server.pid}  {answers}")
    for name, folder in found.buckets.items():
        say(f"bucket        s3://{name}/  {folder}")
    for instance_id, tasks in found.machines.items():
        say(f"machine       {instance_id}  {', '.join(tasks) or 'no tasks'}")
    say(f"region        {found.region}, tasks run as {found.runtime}")
    say(f"logs          {found.root / 'logs'}")


@local.command()
def env() -> None:
    """Print the exports that point the AWS CLI and other tools at the embedded cloud.

    Starts the cloud if it is not running.

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
    """Create a bucket for your images. Starts the cloud if it is not running.

    \b
    Example:
      python run.py local bucket my-images
    """
    check_bucket(name)
    found = clouds.start(progress=note)
    clouds.ensure_bucket(found.client("s3"), name)
    click.echo(f"{found.folders.buckets / name}")
    note("To copy files into it, use `aws s3 cp`: see `python run.py local env --help`")


@local.command()
def stop() -> None:
    """Stop the embedded cloud. Files in buckets stay; everything else was in memory and is lost.

    \b
    Example:
      python run.py local stop
    """
    note("The embedded cloud has stopped" if clouds.stop() else "The embedded cloud was not running")


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop the embedded cloud and delete its folder, including all files in buckets.

    \b
    Example:
      python run.py local reset --yes
    """
    if not clouds.ROOT.exists():
        note(f"{clouds.ROOT} does not exist")
        return
    if not yes:
        click.confirm(f"Delete {clouds.ROOT} and all buckets in it?", abort=True, err=True)
    clouds.reset()
    note(f"Deleted {clouds.ROOT}")


@local.command()
@click.argument("instance_id", required=False)
@click.option("--notice/--no-notice", default=True, help="Give the machine notice, as EC2 usually does.")
@click.option(
    "--seconds",
    type=Finite(0, 3600),
    default=10.0,
    show_default=True,
    help="Seconds between the notice and the end; on EC2, 120.",
)
def interrupt(instance_id: str | None, notice: bool, seconds: float) -> None:
    """Interrupt a spot machine: the one you name, or the one with the most tasks.

    \b
    Example:
      python run.py local interrupt
      python run.py local interrupt --no-notice i-0123456789abcdef0
    """
    from distributed_fiji.local import interruption

    chosen = interruption.interrupt(running_cloud(), instance_id, notice=notice, seconds=seconds)
    click.echo(chosen)
    note(f"It ends in {seconds:g} s" if notice else "It ends without notice")
