"""One worker on the embedded cloud for a few jobs, and what became of each: for `tryScript`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws import documents, queues
from distributed_fiji.aws.clients import Clients
from distributed_fiji.clock import Clock
from distributed_fiji.commands import scripts
from distributed_fiji.commands.scripts import Script
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.jsonfiles import parse_json
from distributed_fiji.local import fiji
from distributed_fiji.settings import Settings
from worker.contract.jobs import Job, manifest_key, state_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOK_SECONDS = 0.2
STOP_SECONDS = 20.0
#: Added to a job's own limits: FIJI's start, and what happens before and after it.
SPARE_SECONDS = 180.0

Note = Callable[[str], None]


@dataclass(frozen=True)
class Tried:
    """A job that has ended: its manifest, or its failure record."""

    job: Job
    record: dict[str, Any]

    @property
    def is_done(self) -> bool:
        return "outputs" in self.record


def run_jobs(
    settings: Settings,
    clients: Clients,
    what: tuple[Script, Sequence[Job]],
    checkout: Path,
    clock: Clock,
    note: Note,
) -> list[Tried]:
    """Run a script's jobs one after another, and return what became of them, in their order.

    The queue is removed afterwards; outputs and records stay. Raises DistributedFijiError if the worker ends
    before its jobs do.
    """
    script, jobs = what
    home = fiji.find_fiji(os.environ, checkout, note)
    runner = fiji.runner_for(home, checkout, note)
    queue_url, _ = queues.ensure_queues(clients.sqs, settings, clock, note)
    scripts.ensure_script(clients.s3, script)
    environment = os.environ | documents.worker_environment(settings, queue_url, script.url, script.sha256)
    environment |= {"FIJI_HOME": str(home), "PYTHONPATH": str(checkout)}
    # A worker polls for so long at most, and awaits an open poll before it ends. All jobs have ended by then.
    environment["STOP_GRACE_SECONDS"] = "1"
    if runner:
        environment["FIJI_RUNNER_JAR"] = str(runner)
    _forget(clients.s3, settings, jobs)
    try:
        queues.send_jobs(clients.sqs, queue_url, jobs, progress=lambda count: None, sleep=clock.sleep)
        with tempfile.TemporaryDirectory(prefix="distributed-fiji-try-") as folder:
            environment["WORKER_SCRATCH"] = folder
            return _watch(settings, clients.s3, jobs, environment, Path(folder), note)
    finally:
        for name in (settings.SQS_QUEUE_NAME, settings.SQS_DEAD_LETTER_QUEUE):
            if url := queues.find_queue(clients.sqs, name):
                clients.sqs.delete_queue(QueueUrl=url)


def _watch(
    settings: Settings,
    s3: S3Client,
    jobs: Sequence[Job],
    environment: dict[str, str],
    folder: Path,
    note: Note,
) -> list[Tried]:
    """Start a worker and wait until each job has a record. In every case, the worker is gone afterwards."""
    log = folder / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + SPARE_SECONDS + settings.JOB_TIMEOUT_MINUTES * 60 * len(jobs)
    before = 0
    try:
        while True:
            ended = worker.poll() is not None
            tried = [found for job in jobs if (found := find_tried(settings, s3, job))]
            if before < len(tried) < len(jobs):
                note(f"{len(tried)} of {len(jobs)} jobs ended")
            before = len(tried)
            if len(tried) == len(jobs):
                return tried
            if ended or time.monotonic() > deadline:
                what = "ended before its jobs" if ended else "exceeded the time limit of its jobs"
                last = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
                raise DistributedFijiError(f"The worker {what}: {' | '.join(last)}")
            time.sleep(LOOK_SECONDS)
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _failures(settings: Settings, job: Job) -> str:
    return state_key(settings.APP_NAME, "failures", f"{job.job_id}/")


def _forget(s3: S3Client, settings: Settings, jobs: Sequence[Job]) -> None:
    """Remove what earlier trials of the same jobs left: exactly these keys, on the embedded cloud.

    Outputs whose manifest is gone would belong to a run that may still be at work, and a worker would wait
    for its end.
    """
    for job in jobs:
        keys = _keys(s3, settings.AWS_BUCKET, _failures(settings, job))
        if tried := _read_tried(s3, settings.AWS_BUCKET, job, manifest_key(settings.APP_NAME, job.job_id)):
            keys += [output["key"] for output in tried.record["outputs"]]
        for key in [*keys, manifest_key(settings.APP_NAME, job.job_id)]:
            s3.delete_object(Bucket=settings.AWS_BUCKET, Key=key)


def _keys(s3: S3Client, bucket: str, folder: str) -> list[str]:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder)
    return [item["Key"] for item in listed.get("Contents", [])]


def find_tried(settings: Settings, s3: S3Client, job: Job) -> Tried | None:
    """Return a job with its manifest, or else its first failure record; None if there is neither."""
    keys = [manifest_key(settings.APP_NAME, job.job_id)]
    keys += _keys(s3, settings.AWS_BUCKET, _failures(settings, job))
    return next(filter(None, (_read_tried(s3, settings.AWS_BUCKET, job, key) for key in keys)), None)


def _read_tried(s3: S3Client, bucket: str, job: Job, key: str) -> Tried | None:
    with contextlib.suppress(s3.exceptions.NoSuchKey, json.JSONDecodeError):
        return Tried(job, parse_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    return None
