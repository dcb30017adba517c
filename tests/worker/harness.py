"""Real worker processes on an emulator: a run with its queues and bucket, workers, and what must hold after.

For tests and fault campaigns. FIJI is the stand-in of `fake_fiji` unless another is given.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil

from tests.emulators import CLIENT_ENVIRONMENT
from tests.policy.trail import SITE
from worker.contract.jobs import (
    SPARE_RECEIVES,
    Job,
    Value,
    encode_message,
    failure_key,
    manifest_key,
    state_key,
)

ROOT = Path(__file__).resolve().parents[2]
FAKE_FIJI = Path(__file__).resolve().parent / "fake_fiji"
REGION = "us-east-1"


@dataclass(frozen=True)
class Cloud:
    """An emulator: its URL, and clients of it (with few retries, since they talk to it directly)."""

    url: str
    s3: Any
    sqs: Any
    logs: Any


@dataclass
class Run:
    """One run: bucket, queue with dead letters, and the folder where its workers live."""

    cloud: Cloud
    folder: Path
    app_name: str
    bucket: str
    queue_url: str
    dead_url: str
    fiji_home: Path
    retries: int
    #: Where workers reach the emulator, if not at its own URL.
    worker_endpoint: str = ""
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def traces(self) -> Path:
        """Where the stand-in leaves a file for each of its starts."""
        return self.folder / "traces"


@dataclass
class WorkerProcess:
    """A worker of a run and the file that holds its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Return the log's lines about jobs (LOG_FORMAT=json)."""
        documents = []
        for line in self.text().splitlines():
            # The last line of a worker that was killed, or that is writing, may be cut off.
            with contextlib.suppress(ValueError):
                documents.append(json.loads(line))
        return [document for document in documents if isinstance(document, dict) and "outcome" in document]

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and return the exit code. Raises subprocess.TimeoutExpired if the worker stays."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def connect(url: str, key: str = CLIENT_ENVIRONMENT["AWS_ACCESS_KEY_ID"]) -> Cloud:
    """Return an emulator's clients. `key`: the access key that it requires, if any."""
    session = boto3.session.Session(key, key, region_name=REGION)
    s3, sqs, logs = (session.client(name, endpoint_url=url) for name in ("s3", "sqs", "logs"))
    # A client creates its exceptions' classes on first use, without a lock (botocore's
    # BaseClient.exceptions). If several threads ask at once, one could wait for a different class than the
    # one raised.
    assert s3.exceptions and sqs.exceptions
    return Cloud(url, s3, sqs, logs)


@contextlib.contextmanager
def a_run(cloud: Cloud, folder: Path, *, retries: int = 3, runner: bool = True) -> Iterator[Run]:
    """Create bucket, queues, log group and a stand-in FIJI; end all workers afterwards."""
    name = f"run{uuid.uuid4().hex[:10]}"
    cloud.s3.create_bucket(Bucket=name)
    dead_url = cloud.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = cloud.sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": str(retries + SPARE_RECEIVES),
    }
    queue_url = cloud.sqs.create_queue(
        QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "30"}
    )["QueueUrl"]
    fiji_home = folder / "fiji"
    make_fake_fiji(fiji_home, runner=runner)
    run = Run(cloud, folder, name, name, queue_url, dead_url, fiji_home, retries)
    run.traces.mkdir()
    cloud.s3.put_object(Bucket=name, Key="scripts/script.py", Body=b"# a script for the stand-in\n")
    try:
        yield run
    finally:
        for worker in run.workers:
            end(worker)


def make_fake_fiji(home: Path, *, runner: bool) -> None:
    """Create a FIJI_HOME of the stand-in.

    `runner`: with what makes the worker believe our runner is there.
    """
    (home / "jars").mkdir(parents=True)
    body = (FAKE_FIJI / "ImageJ-linux64").read_text(encoding="utf-8").partition("\n")[2]
    # With this very Python, since the one on the PATH may be a script that looks for one, which takes time.
    launcher = home / "ImageJ-linux64"
    launcher.write_text(f"#!{Path(sys.executable).resolve()} -IS\n{body}", encoding="utf-8")
    launcher.chmod(0o755)
    if runner:
        (home / "jars" / "distributed-fiji-runner.jar").touch()


def environment(run: Run, **changes: object) -> dict[str, str]:
    """Return a worker's environment for a run. `changes` override variables; None leaves one out."""
    plain: dict[str, object] = {
        **CLIENT_ENVIRONMENT,
        "PATH": os.environ["PATH"],
        # If a test run keeps a trail (tests/policy/trail.py), a worker's calls go there.
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get(SITE), str(ROOT)))),
        "AWS_ENDPOINT_URL": run.worker_endpoint or run.cloud.url,
        "APP_NAME": run.app_name,
        "SQS_QUEUE_URL": run.queue_url,
        "AWS_BUCKET": run.bucket,
        "AWS_REGION": REGION,
        "SCRIPT_DOWNLOAD_URL": f"s3://{run.bucket}/scripts/script.py",
        "SQS_MESSAGE_VISIBILITY": 30,
        "HEARTBEAT_SECONDS": 5,
        "JOB_RETRIES": run.retries,
        "RETRY_BACKOFF_SECONDS": 0,
        "STOP_GRACE_SECONDS": 1,
        "LOG_FORMAT": "json",
        # With 'auto', the default, runs would depend on the machine; test_display.py tests that.
        "DISPLAY_MODE": "headless",
        "FIJI_HOME": run.fiji_home,
        "WORKER_SCRATCH": run.scratch,
        "FAKE_FIJI_TRACE": run.traces,
        "MEMORY": 2048,
    }
    return {name: str(value) for name, value in (plain | changes).items() if value is not None}


def start_worker(run: Run, *, before: Iterable[str] = (), **changes: object) -> WorkerProcess:
    """Start a worker of a run, with a changed environment. `before`: words that precede its command."""
    log = run.folder / f"worker{len(run.workers)}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "worker"],
            env=environment(run, **changes),
            cwd=run.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = WorkerProcess(process, log)
    run.workers.append(worker)
    return worker


def end(worker: WorkerProcess) -> None:
    """End a worker, whatever it is doing."""
    if worker.process.poll() is None:
        worker.process.terminate()
        try:
            worker.process.wait(10)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def a_job(number: int, *, location: str = "", inputs: Iterable[str] = (), **parameters: Value) -> Job:
    """Return a unique job (by its number). `parameters` tell the stand-in what to do."""
    metadata: dict[str, Value] = {"number": number, "content": f"job {number}", **parameters}
    return Job(metadata, location or f"results/{number}", inputs=tuple(inputs))


def submit(run: Run, jobs: Iterable[Job | str], times: int = 1) -> None:
    """Send jobs, or literal bodies, in batches; each `times` times."""
    bodies = [job if isinstance(job, str) else encode_message(job) for job in jobs for _ in range(times)]
    for start in range(0, len(bodies), 10):
        entries = [
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])
        ]
        answer = run.cloud.sqs.send_message_batch(QueueUrl=run.queue_url, Entries=entries)
        assert not answer.get("Failed"), answer["Failed"]


def wait_until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """Return the condition's value once it is true. Fails with `what` if it stays false."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.05)
    return value


def counts(run: Run, url: str = "") -> tuple[int, int]:
    """Return how many of a queue's messages are waiting, and how many are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = run.cloud.sqs.get_queue_attributes(QueueUrl=url or run.queue_url, AttributeNames=names)
    return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])


def wait_until_settled(run: Run, seconds: float = 60.0) -> None:
    """Wait until no message is waiting in the queue or in flight."""
    try:
        wait_until(lambda: counts(run) == (0, 0), seconds, "the queue is empty")
    except AssertionError:
        raise AssertionError(f"{counts(run)} left; logs:\n{logs(run)}") from None


def logs(run: Run) -> str:
    """Return the last lines of all workers' logs."""
    return "\n".join(worker.text()[-3000:] for worker in run.workers)


def manifest(run: Run, job: Job) -> dict[str, Any] | None:
    """Return a job's manifest, or None."""
    return read_json(run, manifest_key(run.app_name, job.job_id))


def failures(run: Run, job_id: str) -> list[dict[str, Any]]:
    """Return the failure records of a job, in the order of its attempts."""
    records = [read_json(run, failure_key(run.app_name, job_id, attempt)) for attempt in range(1, 30)]
    return [record for record in records if record]


def read_json(run: Run, key: str) -> dict[str, Any] | None:
    with contextlib.suppress(run.cloud.s3.exceptions.NoSuchKey):
        body = run.cloud.s3.get_object(Bucket=run.bucket, Key=key)["Body"].read()
        document = json.loads(body)
        assert isinstance(document, dict)
        return document
    return None


def keys(run: Run, prefix: str = "") -> list[str]:
    """Return all keys of the run's bucket below a prefix."""
    pages = run.cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=run.bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def content(run: Run, key: str) -> bytes:
    return bytes(run.cloud.s3.get_object(Bucket=run.bucket, Key=key)["Body"].read())


def dead_letters(run: Run) -> list[str]:
    """Take all messages out of the dead-letter queue and return their bodies."""
    bodies = []
    while messages := run.cloud.sqs.receive_message(
        QueueUrl=run.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=600
    ).get("Messages"):
        bodies += [message["Body"] for message in messages]
    return bodies


def check_done(run: Run, jobs: Iterable[Job]) -> None:
    """Every job has one manifest, and its outputs are exactly as it says, byte for byte."""
    for job in jobs:
        document = manifest(run, job)
        assert document, f"job {job.parameters} has no manifest; logs:\n{logs(run)}"
        for output in document["outputs"]:
            body = content(run, output["key"])
            found = (len(body), hashlib.sha256(body).hexdigest())
            assert found == (output["bytes"], output["sha256"]), (
                f"{output['key']} is not as its manifest says"
            )


def check_settled(run: Run, jobs: Iterable[Job]) -> list[Job]:
    """Every job is done as in `check_done`, or a dead letter with a reason; return those that are dead."""
    dead = set(dead_letters(run))
    lost, done = [], []
    for job in jobs:
        if encode_message(job) in dead:
            reasons = [record["sentence"] for record in failures(run, job.job_id)]
            assert reasons and all(reasons), f"dead job {job.parameters} has no reason"
            assert manifest(run, job) is None, (
                f"job {job.job_id} is dead and has a manifest:\n{told(run, job)}"
            )
            lost.append(job)
        else:
            done.append(job)
    check_done(run, done)
    known = {manifest_key(run.app_name, job.job_id) for job in done}
    assert set(keys(run, state_key(run.app_name, "manifests"))) == known
    return lost


def told(run: Run, job: Job) -> str:
    """Return what the workers' logs say about a job, and the warnings."""
    lines = [line for worker in run.workers for line in worker.text().splitlines()]
    return "\n".join(line for line in lines if job.job_id in line or '"warning"' in line)


def check_nothing_left(run: Run) -> None:
    """No worker's scratch folder and no process of the run is left. Call it when all workers have ended."""
    left = [str(path) for path in run.scratch.glob("*")] if run.scratch.exists() else []
    assert not left, f"left in scratch: {left}"
    assert not processes(run), f"left: {[process.cmdline() for process in processes(run)]}"


def processes(run: Run) -> list[psutil.Process]:
    """Return the processes that the stand-in or a worker of this run started, by their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("FAKE_FIJI_TRACE") == str(run.traces):
                found.append(process)
    return found


def starts(run: Run, name: str = "job") -> list[float]:
    """Return when the stand-in started work on jobs with that `trace_name`, in order."""
    return sorted(float(path.name.split("-")[0]) for path in run.traces.glob(f"*-{name}"))
