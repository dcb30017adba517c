"""The options that all commands share, and what follows from them: settings, clients, commands in hints.

The embedded cloud, and anything that only one command needs, is imported on use, so that commands start
faster.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distributed_fiji import errors
from distributed_fiji.clock import Clock, HurriedClock, SystemClock
from distributed_fiji.jsonfiles import has_key, is_file
from distributed_fiji.settings import Settings, check_region, load_settings
from distributed_fiji.terminal import LOCAL, Terminal, shown, typed
from worker.contract.bundles import MOST_JOBS

if TYPE_CHECKING:
    from distributed_fiji.aws.clients import Clients
    from distributed_fiji.aws.dryrun import DryRun
    from distributed_fiji.registry import Answer
    from distributed_fiji.review.parallel import Read
    from distributed_fiji.state.record import Run

CHECKOUT = Path(__file__).resolve().parents[2]

#: What identifies a fleet file, and the example to name if there is none.
FLEET = ("LaunchSpecifications", "exampleFleet.json")


@dataclass
class Context:
    """The values of the options before and after the command.

    `is_setup`: whether the command is the first of all, when there may be no cloud and no bucket yet.
    """

    terminal: Terminal
    config: Path = CHECKOUT / "config.py"
    local: bool = False
    runtime: str | None = None
    is_setup: bool = False
    dry_run: bool = False
    as_json: bool = False
    clock: Clock = field(default_factory=SystemClock)
    plan: list[str] = field(default_factory=list)
    noted: DryRun | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing that is done costs anything."""
        return self.local or self.dry_run

    def choose(self, name: str, value: Any) -> None:
        """Store an option's value, and add it to the commands that are shown to the user."""
        setattr(self, name, value)
        if self.dry_run:
            self.terminal.quiet, self.clock = True, HurriedClock()
        self.terminal.options = (LOCAL if self.local else "") + (
            f" --config {typed(self.config)}" if self.config != CHECKOUT / "config.py" else ""
        )
        self.terminal.config = str(shown(self.config))

    def name_config_of(self, run: str) -> None:
        """Use a run's own settings in advice, if no others were given and they still exist.

        `run`: their path in its record, '' in records of earlier versions.
        """
        if self.config == CHECKOUT / "config.py" and is_file(Path(run)):
            self.choose("config", Path(run))

    def check_cloud(self) -> None:
        """Raise NothingThere if the embedded cloud is used and has ended."""
        if self.local:
            from distributed_fiji.local import cloud

            cloud.check()

    def require_cloud(self, over: tuple[str, str] | None = None) -> None:
        """Raise NothingThere if the embedded cloud is used but not running, so that it holds no run.

        `over`: bucket and key of the object that says that a run is over; for that, a cloud may be restarted.
        """
        if self.local:
            from distributed_fiji.local import cloud

            if not (over and cloud.keeps(*over)):
                cloud.check_is_there()

    def file_beside(self, key: str, example: str) -> str:
        """Return the JSON file next to config.py that has a key, as a user would type it; else an example."""
        found = (path for path in sorted(self.config.parent.glob("*.json")) if has_key(path, key))
        return typed(next(found, CHECKOUT / "files" / example))

    def settings(self) -> Settings:
        """Read config.py and report its warnings."""
        settings, warnings = self.read_settings()
        for line in warnings:
            self.terminal.warn(f"{self.config.name}: {line}")
        return settings

    def read_settings(self) -> tuple[Settings, list[str]]:
        """Return the settings in config.py, and warnings about them."""
        settings, warnings = load_settings(self.config)
        if self.local and not settings.DOWNLOAD_FILES:
            return self._without_mount(settings, warnings)
        return settings, warnings

    def settings_of(self, app_name: str) -> Settings | None:
        """Return the settings of an app, where config.py is its own and can be read."""
        try:
            settings, _ = load_settings(self.config)
        except errors.InvalidInput:
            return None
        return settings if app_name == settings.APP_NAME else None

    def _without_mount(self, settings: Settings, warnings: list[str]) -> tuple[Settings, list[str]]:
        """Download inputs if the embedded cloud's tasks are processes, which cannot mount anything."""
        from distributed_fiji.local import cloud

        if cloud.runtime(self.runtime) != "processes":
            return settings, warnings
        line = (
            "DOWNLOAD_FILES = False needs --runtime docker with --local. Inputs are downloaded to local disk"
            " instead, as with True."
        )
        return settings.model_copy(update={"DOWNLOAD_FILES": True}), [*warnings, line]

    def place(self, region: str | None) -> tuple[str, str | None]:
        """Return region and profile for commands that need no config.py: of options, file or environment."""
        check_region(region)
        try:
            settings, _ = load_settings(self.config)
        except errors.InvalidInput:
            return region or os.environ.get("AWS_REGION", "us-east-1"), os.environ.get("AWS_PROFILE")
        return region or settings.AWS_REGION, settings.AWS_PROFILE

    def connect(
        self, region: str, profile: str | None, buckets: set[str], source: str = "config.py"
    ) -> Clients:
        """Return clients of AWS, or with --local of the embedded cloud, with these buckets.

        `source`: the file that names region and profile.
        """
        if self.local:
            return self._connect_here(region, profile, buckets)
        from distributed_fiji.aws.clients import connect

        clients = self._prepared(connect(region, profile, source))
        clients.identify()
        self.terminal.note(f"AWS account {clients.account}, {region}, as {clients.caller['Arn']}")
        return clients

    def _connect_here(self, region: str, profile: str | None, buckets: set[str]) -> Clients:
        """Return clients of the embedded cloud. While it starts, this process loads what setup needs."""
        from distributed_fiji.local import cloud

        here = cloud.start(
            progress=self.terminal.note,
            runtime=self.runtime,
            region=region,
            meanwhile=partial(import_module, "distributed_fiji.commands.setup"),
        )
        from distributed_fiji.aws.clients import connect

        here.apply(os.environ)
        clients = self._prepared(connect(region, profile))
        cloud.check_buckets(clients.s3, buckets, may_make=self.is_setup and not self.dry_run)
        return clients

    def _prepared(self, clients: Clients) -> Clients:
        """Stop clients from changing anything in a dry run."""
        if self.as_json and not self.dry_run:
            raise click.UsageError("--json needs --dry-run")
        if self.dry_run:
            self.noted = clients.only_note()
        return clients

    def show_plan(self) -> None:
        """Print the calls that a dry run noted, with the command's remarks."""
        if self.noted is not None:
            from distributed_fiji.commands.plantable import show_plan

            show_plan(self.plan, self.noted.calls, self.terminal.out, as_json=self.as_json)

    def prepare_fiji(self) -> None:
        """With --local, build ImageJ core here if there is no FIJI, rather than while tasks wait for it."""
        if self.local and not self.dry_run:
            from distributed_fiji.local import cloud

            cloud.prepare_fiji(cloud.runtime(self.runtime), self.terminal.note)

    def languages(self) -> frozenset[str] | None:
        """Return the endings of the script languages that FIJI has; None if FIJI is in an image."""
        if not self.local:
            return None
        from distributed_fiji.local import cloud, fiji

        return fiji.languages(os.environ, CHECKOUT) if cloud.runtime(self.runtime) == "processes" else None

    def ask_image(self, clients: Clients) -> Callable[[str], Answer]:
        """Return a check for an image where machines get it: its registry, or Docker with --local."""
        if self.local:
            from distributed_fiji.local import cloud

            return cloud.ask_image
        from distributed_fiji import registry

        return partial(registry.ask, ecr=clients.ecr)

    def connect_for(self, settings: Settings) -> Clients:
        """Return clients for the settings' account and region. Raises NothingThere like `require_cloud`."""
        if not self.is_setup:
            self.require_cloud()
        clients = self.connect(settings.AWS_REGION, settings.AWS_PROFILE, set(settings.readable_buckets))
        clients.encryption = settings.encryption
        return clients

    def open_record(self, path: Path) -> tuple[Run, Clients]:
        """Return the run in a record's file, and clients for its account and region. Raises InvalidInput."""
        from distributed_fiji.state.recordfile import check_account, read_record

        record = read_record(path)
        if record.local != self.local:
            add = "the embedded cloud: add --local" if record.local else "AWS: leave out --local"
            raise errors.InvalidInput(f"{path} cannot be used from here", [f"it runs on {add}"])
        self.name_config_of(record.config)
        self.require_cloud(over=(record.bucket, record.ending_key))
        # The computer that started the run may have different profile names.
        profile = None if "AWS_PROFILE" in os.environ else record.profile
        clients = self.connect(record.region, profile, set(), source=str(path))
        clients.encryption = record.encryption
        check_account(record, path, clients)
        return record, clients

    def open_run(self, given: Path | None) -> tuple[Run, Clients]:
        """Return the run that a record or an app's name means; without one, that of the app in config.py.

        For an app that has not started yet, it is a run without a fleet.
        """
        from distributed_fiji.names import record_file_name
        from distributed_fiji.state.record import new_run
        from distributed_fiji.state.recordfile import find_record

        if given is not None:
            return self.open_record(find_record(given, CHECKOUT))
        settings = self.settings()
        path = CHECKOUT / "files" / record_file_name(settings.APP_NAME)
        if path.is_file():
            return self.open_record(path)
        return new_run(settings, started=0, run_id="", local=self.local), self.connect_for(settings)

    def reader(self, clients: Clients) -> Read:
        """Return a reader for many objects: from S3, or with --local from the folder that holds them."""
        from distributed_fiji.review.facts import from_folder, from_s3

        read = from_s3(clients.s3)
        if not self.local:
            return read
        from distributed_fiji.local import cloud, state

        return from_folder(state.Folders(cloud.ROOT).buckets, read)


def bundle_size(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Return how many jobs are to share a message: auto, a number, or None."""
    if value is None or value == "auto" or (value.isdecimal() and 1 <= int(value) <= MOST_JOBS):
        return value
    raise click.BadParameter(f"{value!r} is neither auto nor a whole number from 1 to {MOST_JOBS}")


class Finite(click.FloatRange):
    """A number in a range. `nan` is in no range, although it is not outside of one either."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail if it is not one."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a usable number.", param, ctx)
        return number


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that stores an option's value in the Context, wherever the option is given."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            context.ensure_object(Context).choose(name, value)

    return callback


def common(command: Any) -> Any:
    """Add the options that may be given before or after the command."""
    for option in (
        click.option("--config", type=click.Path(path_type=Path), callback=_set("config"), expose_value=False,
                     is_eager=True, help="Settings file to use instead of config.py."),
        click.option("--local", is_flag=True, callback=_set("local"), expose_value=False, is_eager=True,
                     help="Use the embedded cloud on this machine instead of AWS."),
        click.option("--runtime", type=click.Choice(["processes", "docker"]), callback=_set("runtime"),
                     expose_value=False, is_eager=True, help="With --local: how tasks run."),
    ):  # fmt: skip
        command = option(command)
    return command


def changing(command: Any) -> Any:
    """Add the options of a dry run to a command that changes something."""
    for option in (
        click.option("--json", is_flag=True, callback=_set("as_json"), expose_value=False,
                     help="With --dry-run: print JSON."),
        click.option("--dry-run", is_flag=True, callback=_set("dry_run"), expose_value=False, is_eager=True,
                     help="Only print what would be created, changed, deleted and sent."),
    ):  # fmt: skip
        command = option(command)
    return command
