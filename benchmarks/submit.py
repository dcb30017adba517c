"""Submitting: batches over several threads beside one message at a time, and 100,000 jobs as a user would.

The first part injects 20 ms into each request, as a far region has; the second is plain loopback. Memory is
the peak of the process that submits.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from benchmarks.common import CHECKOUT, Target, finish, in_turns, medians, show
from distributed_fiji.aws.clients import connect
from distributed_fiji.aws.queues import send_jobs
from distributed_fiji.jobs import read_job_file
from tests.emulators import CLIENT_ENVIRONMENT, microburst, ministack, set_faults
from worker.contract.jobs import Job, encode_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

REGION, BUCKET, APP = "us-east-1", "bench-bucket", "Bench"
FEW, MANY, ROUNDS, LATENCY_MS = 1_000, 100_000, 3, 20


@dataclass(frozen=True)
class Sent:
    """One measurement: wall seconds, and peak memory (MB) and CPU seconds of the process."""

    seconds: float
    peak_mb: float
    cpu: float = 0.0


def one_by_one(sqs: SQSClient, url: str, jobs: Iterable[Job]) -> None:
    """Send each job by a request of its own, as the original does."""
    for job in jobs:
        sqs.send_message(QueueUrl=url, MessageBody=encode_message(job))


def in_batches(sqs: SQSClient, url: str, jobs: Iterable[Job]) -> None:
    """Send jobs as submitJob does."""
    send_jobs(sqs, url, jobs, progress=lambda count: None, sleep=time.sleep)


WAYS: dict[str, Callable[[Any, str, Iterable[Job]], None]] = {
    "one by one": one_by_one,
    "batches": in_batches,
}


def send(way: str, url: str, job_file: str) -> None:
    """Send a job file one way, in a process of its own; print seconds of sending and peak memory."""
    sqs = connect(REGION, None).sqs
    jobs = read_job_file(Path(job_file))
    began = time.perf_counter()
    WAYS[way](sqs, url, jobs)
    seconds = time.perf_counter() - began
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def measured_send(way: str, url: str, job_file: Path, environment: dict[str, str]) -> Sent:
    """Measure one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.submit", way, url, str(job_file)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=CHECKOUT)
    return Sent(*json.loads(done.stdout))


def measured_command(
    folder: Path, job_file: Path, environment: dict[str, str], product: Path = CHECKOUT
) -> Sent:
    """Measure `run.py submitJob` whole: start of Python, checking the file, sending."""
    command = [
        sys.executable,
        "run.py",
        "--config",
        str(folder / "config.py"),
        "submitJob",
        "--yes",
        str(job_file),
    ]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=product, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"submitJob ended with status {status}")
    return Sent(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def write_job_file(folder: Path, jobs: int) -> Path:
    """Write a job file of plates of 384 wells."""
    groups = [{"Plate": f"P{number // 384:04}", "Well": f"W{number % 384:03}"} for number in range(jobs)]
    path = folder / f"job{jobs}.json"
    path.write_text(json.dumps({"output_file_location": "results/{Plate}/{Well}", "groups": groups}))
    return path


@dataclass(frozen=True)
class Place:
    """Where is sent to: an emulator, plain and through a proxy that takes its time."""

    folder: Path
    sqs: SQSClient
    plain: dict[str, str]
    slow: dict[str, str]


@contextmanager
def emulated() -> Iterator[Place]:
    """Start an emulator and the proxy before it; give it what setup would make for submitting."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        data = stack.enter_context(ministack(folder, "sqs,s3,logs,sts"))
        proxy = stack.enter_context(microburst(folder, data))
        set_faults(proxy, {"service": "sqs", "latency": LATENCY_MS})
        session = boto3.Session("testing", "testing", region_name=REGION)
        session.client("s3", endpoint_url=data).create_bucket(Bucket=BUCKET)
        (folder / "config.py").write_text(
            f"APP_NAME = {APP!r}\nAWS_BUCKET = {BUCKET!r}\nSCRIPT_DOWNLOAD_URL = 'a.ijm'\n"
        )
        environment = {**os.environ, **CLIENT_ENVIRONMENT}
        yield Place(
            folder,
            session.client("sqs", endpoint_url=data),
            environment | {"AWS_ENDPOINT_URL": data},
            environment | {"AWS_ENDPOINT_URL": proxy},
        )


def compare(place: Place) -> Target:
    """Send a few jobs both ways, in turns; print the table."""
    url = place.sqs.create_queue(QueueName="Compared")["QueueUrl"]
    job_file = write_job_file(place.folder, FEW)
    figures = in_turns({way: partial(measured_send, way, url, job_file, place.slow) for way in WAYS}, ROUNDS)
    seconds = medians({way: [sent.seconds for sent in sents] for way, sents in figures.items()})
    memory = medians({way: [sent.peak_mb for sent in sents] for way, sents in figures.items()})
    show(
        f"Sending {FEW:,} jobs, {LATENCY_MS} ms injected into each request, median of {ROUNDS}",
        ["way", "seconds", "peak MB"],
        [[way, seconds[way], memory[way]] for way in WAYS],
    )
    ratio = seconds["one by one"] / seconds["batches"]
    return Target("batches quicker than one by one", ratio, "×", at_least=60)


def submit_many(place: Place) -> list[Target]:
    """Submit many jobs by the real command; print seconds and memory, and hold the queue to the number."""
    url = place.sqs.create_queue(QueueName=f"{APP}Queue")["QueueUrl"]
    sent = measured_command(place.folder, write_job_file(place.folder, MANY), place.plain)
    name: QueueAttributeNameType = "ApproximateNumberOfMessages"
    attributes = place.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    show(
        f"`run.py submitJob` of {MANY:,} jobs on loopback, whole",
        ["in the queue afterwards", "seconds", "peak MB"],
        [[attributes[name], sent.seconds, sent.peak_mb]],
    )
    return [
        Target(f"submitJob of {MANY:,} jobs", sent.seconds, " s", at_most=15),
        Target("jobs that arrived", float(attributes[name]), at_least=MANY, at_most=MANY),
    ]


def main() -> list[Target]:
    """Measure both and print both tables."""
    with emulated() as place:
        return [compare(place), *submit_many(place)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        send(*sys.argv[1:])
    else:
        sys.exit(finish(main()))
