"""Where jobs are rehearsed: on a separate embedded cloud, or on one AWS machine that ends with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distributed_fiji.aws.buckets import list_inputs
from distributed_fiji.aws.clients import Clients, connect
from distributed_fiji.clock import SystemClock
from distributed_fiji.commands import trial
from distributed_fiji.commands.cleanup import cleanup
from distributed_fiji.commands.commandline import CHECKOUT, Context
from distributed_fiji.commands.monitor import monitor
from distributed_fiji.commands.plan import Start
from distributed_fiji.commands.scripts import Script
from distributed_fiji.commands.setup import setup
from distributed_fiji.commands.start import start_cluster
from distributed_fiji.commands.submit import Manner, submit_job
from distributed_fiji.commands.trial import Tried
from distributed_fiji.errors import SOMETHING_LEFT, InvalidInput, SomethingLeft
from distributed_fiji.fleetfile import FleetFile
from distributed_fiji.jobs import JobFile
from distributed_fiji.listedinputs import Input
from distributed_fiji.local import cloud
from distributed_fiji.names import record_file_name
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class BucketInputs:
    """Inputs in S3."""

    s3: S3Client

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, bool]]:
        """Yield the keys that begin with a prefix, as `list_inputs` does."""
        return list_inputs(self.s3, bucket, prefix)

    def copy(self, place: Input, to: S3Client) -> None:
        """Copy an object to the same place in another cloud."""
        body = self.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"]
        to.upload_fileobj(body, place.bucket, place.key)


@dataclass(frozen=True)
class FolderInputs:
    """Inputs in a local folder, which stands for a bucket."""

    root: Path
    bucket: str

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, bool]]:
        """Yield the files whose keys would begin with a prefix, in their order; none is archived."""
        top = self.root / prefix[: prefix.rfind("/") + 1]
        walked = os.walk(top if bucket == self.bucket else "")
        files = [Path(folder, name) for folder, _, names in walked for name in names]
        for key, file in sorted((file.relative_to(self.root).as_posix(), file) for file in files):
            if key.startswith(prefix) and file.is_file():
                yield key, file.stat().st_size, False

    def copy(self, place: Input, to: S3Client) -> None:
        """Copy a file to its place in a cloud."""
        to.upload_file(str(self.root / place.key), place.bucket, place.key)


@contextmanager
def own_cloud(settings: Settings, buckets: Collection[str], note: trial.Note) -> Iterator[Clients]:
    """Start an embedded cloud for one rehearsal; at the end, it is removed with everything in it."""
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=cloud.ROOT.parent) as folder:
        root = Path(folder, "cloud")
        try:
            cloud.start(root, note, runtime="processes", region=settings.AWS_REGION).apply(os.environ)
            clients = connect(settings.AWS_REGION, settings.AWS_PROFILE)
            for bucket in {*settings.readable_buckets, *buckets}:
                cloud.ensure_bucket(clients.s3, bucket)
            yield clients
        finally:
            cloud.reset(root)
            os.environ.clear()
            os.environ.update(environment)


def run_here(
    settings: Settings,
    clients: Clients,
    what: tuple[Script, JobFile],
    inputs: Iterable[Input],
    source: BucketInputs | FolderInputs,
    note: trial.Note,
) -> list[Tried]:
    """Run jobs one after another on an embedded cloud, with copies of their inputs.

    Raises DistributedFijiError if the worker ends before its jobs do.
    """
    script, jobs = what
    for place in inputs:
        source.copy(place, clients.s3)
    update = {"DOWNLOAD_FILES": True, "CHECK_IF_DONE_BOOL": False, "JOB_RETRIES": 1, "LOG_GROUP_NAME": ""}
    here = settings.model_copy(update=update)
    return trial.run_jobs(here, clients, (script, list(jobs)), CHECKOUT, SystemClock(), note)


def run_on_machine(
    context: Context, settings: Settings, clients: Clients, jobs: tuple[str, JobFile], fleet: FleetFile
) -> list[Tried | None]:
    """Run jobs on one machine of the type in the settings, as a separate run; return their records.

    Only its outputs stay. Raises SomethingLeft if anything else does. `jobs`: the file's name, and its
    contents.
    """
    quiet, clock = Terminal(context.terminal.err, context.terminal.err), SystemClock()
    quiet.program, quiet.options = context.terminal.program, context.terminal.options
    quiet.config = context.terminal.config
    record = CHECKOUT / "files" / record_file_name(settings.APP_NAME)
    folder = context.config.parent
    if record.exists():
        problem = f"{record} is the record of another rehearsal: `python run.py cleanup {settings.APP_NAME}`"
        raise InvalidInput("Nothing is rehearsed", [f"{problem} ends it, then remove the file"])
    try:
        setup(settings, clients, folder, clock, quiet, context.languages())
        submit_job(settings, clients, jobs, clock, quiet, Manner(folder))
        run = Start(settings, clients, record, clock, quiet, context.ask_image(clients), context.local)
        monitor(start_cluster(run, fleet), clients, cheapest=False, clock=clock, out=quiet)
        tried = [trial.find_tried(settings, clients.s3, job) for job in jobs[1]]
    finally:
        end = partial(cleanup, clients, settings.APP_NAME, confirm=lambda _: True, keep=())
        left = end(clock=clock, out=quiet)
        record.unlink(missing_ok=True)
    if left == SOMETHING_LEFT:
        how = f"`python run.py cleanup {settings.APP_NAME}` removes them"
        raise SomethingLeft(f"Parts of the rehearsal may still be incurring charges; {how}")
    return tried
