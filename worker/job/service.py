"""The worker's parts put together, and its life: fetch the script, take jobs until asked to stop,
clean up.
"""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

from worker import VERSION
from worker.aws.clients import Clients, make_clients
from worker.aws.logstream import LogStream
from worker.aws.metadata import Metadata, watch_for_interruption
from worker.aws.protection import TaskProtection, agent
from worker.aws.queue import Queue
from worker.contract.flags import read_flags
from worker.errors import JobFailed, ScriptUnavailable
from worker.fiji.script import Script, fetch_script
from worker.host import processes
from worker.host.folders import Scratch
from worker.host.versions import image_of, task_of
from worker.job.engine import Engine
from worker.job.finish import Finisher, FinisherParts
from worker.job.joblog import JobLog
from worker.job.loop import Worker, WorkerParts
from worker.job.prepare import Preparer
from worker.job.thumbnails import Thumbnails
from worker.job.uploads import Uploads
from worker.records.ledger import Ledger
from worker.records.ownership import Ownership
from worker.records.records import Origin
from worker.records.runbook import RunBook
from worker.records.segments import Segments
from worker.records.validity import Today
from worker.settings import WorkerSettings
from worker.stop import Stop
from worker.storage.bulk import Bulk, find_program, s5cmd_binary
from worker.storage.cache import Cache
from worker.storage.downloads import Downloads
from worker.storage.inputs import InputFetcher
from worker.storage.listing import Lister
from worker.storage.mount import Mount, MountFailed, mount
from worker.storage.regions import Regions
from worker.verdict.verdict import Expected

log = logging.getLogger("worker")


def work(settings: WorkerSettings, stop: Stop) -> int:
    """Work, with valid settings, until asked to stop; return the exit code."""
    watch_for_interruption(stop, settings.spot_poll_seconds)
    scratch = Scratch(settings.scratch)
    try:
        clients = make_clients(settings)
        mount_bucket(settings, clients)
        # Not earlier, because s3fs detaches itself from this worker.
        processes.adopt_orphans()
        script = fetch_script(
            settings.script_download_url, settings.script_sha256, scratch.script, clients.s3, stop.wait
        )
        made = parts(settings, clients, scratch, script)
        made.engine.prove(lambda: stop.requested)
        worker = Worker(made, stop)
        log.info("worker %s waits for jobs of %s", VERSION, settings.app_name)
        worker.run()
    except (ScriptUnavailable, JobFailed, MountFailed) as error:
        # A worker that was asked to leave in the meantime has stopped trying; that is not an error.
        log.log(logging.INFO if stop.requested else logging.ERROR, "%s", error)
        return 0 if stop.requested else 1
    finally:
        scratch.remove()
    log.info("worker ends: %s", stop.reason)
    return 0


def mount_bucket(settings: WorkerSettings, clients: Clients) -> None:
    """Mount the source bucket, if inputs are not downloaded and the image has a mount point for it."""
    folder = os.environ.get("BUCKET_MOUNT", "")
    if settings.download_files or not folder:
        return
    endpoint = clients.s3.meta.endpoint_url
    wanted = Mount(
        settings.source_bucket, Path(folder), endpoint, settings.aws_region, _is_custom(os.environ)
    )
    mount(wanted, os.environ, settings.scratch)


def parts(settings: WorkerSettings, clients: Clients, scratch: Scratch, script: Script) -> WorkerParts:
    """Put the worker's parts together. Raises JobFailed if there is no FIJI."""
    engine = Engine(settings, scratch, script)
    bulk = _bulk(clients, scratch)
    downloads = Downloads(clients.s3, bulk)
    cache = Cache(scratch.cache, downloads)
    lister = Lister(clients.s3, source_bucket=settings.source_bucket, values=settings.download_files)
    fetcher = InputFetcher(lister, downloads, cache)
    segments = Segments(clients.s3, settings.aws_bucket, settings.app_name)
    ledger = Ledger(clients.s3, settings.aws_bucket, settings.app_name, segments)
    queue = Queue(clients.sqs, clients.beat, settings.sqs_queue_url, settings.visibility_seconds)
    preparer = Preparer(
        ledger,
        fetcher,
        scratch,
        today=today(settings, script),
        check_if_done=settings.check_if_done,
        job_retries=settings.job_retries,
    )
    uploads = _uploads(settings, clients, ledger, queue)
    office = FinisherParts(
        settings,
        queue,
        ledger,
        uploads,
        preparer,
        _origin(settings, script),
        JobLog(),
        Thumbnails(settings.thumbnails, ledger),
    )
    lines = LogStream(clients.logs, settings.log_group_name, _stream_name())
    protection = TaskProtection(agent(os.environ))
    return WorkerParts(
        settings, queue, preparer, engine, Finisher(office), lines, cache, fetcher, protection, segments
    )


def _stream_name() -> str:
    """Return the name of this worker's log stream: its task's ID, as in the workers' own log group."""
    return task_of(os.environ) or f"{socket.gethostname()}-{os.getpid()}"


def _bulk(clients: Clients, scratch: Scratch) -> Bulk:
    endpoint = clients.s3.meta.endpoint_url if _is_custom(os.environ) else None
    return Bulk(
        endpoint, scratch.root, s5cmd_binary(), find_program("aws"), Regions(clients.s3, os.environ).region_of
    )


def _uploads(settings: WorkerSettings, clients: Clients, ledger: Ledger, queue: Queue) -> Uploads:
    book = RunBook(clients.s3, settings.aws_bucket, settings.app_name)
    ownership = Ownership(clients.s3, ledger, book, queue.created)
    return Uploads(clients.s3, read_flags(settings.upload_flags), ownership)


def today(settings: WorkerSettings, script: Script) -> Today:
    """Return what the manifest of a finished job must agree with today."""
    expected = Expected(
        settings.expected_number_files, settings.min_file_size_bytes, settings.necessary_string
    )
    return Today(
        app_name=settings.app_name,
        script_sha256=script.sha256,
        destination=settings.destination_bucket,
        expected=expected,
        image=settings.image or image_of(os.environ),
        image_counts=settings.rerun_on_new_image,
        collect_all=settings.collect_all,
        needs_answers=settings.unanswered == "fail",
        refuses_errors=settings.plugin_errors == "fail",
    )


def _origin(settings: WorkerSettings, script: Script) -> Origin:
    return Origin(
        app_name=settings.app_name,
        script_url=settings.script_download_url,
        script_sha256=script.sha256,
        image=settings.image or image_of(os.environ),
        worker_version=VERSION,
        machine=Metadata(os.environ).machine(),
    )


def _is_custom(environ: os._Environ[str]) -> bool:
    """Whether S3 is not AWS's own. botocore finds the address by itself; s5cmd must be told."""
    return any(environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
