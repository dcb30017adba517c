"""The worker's AWS clients. No other module makes any.

Endpoints, keys and roles come from the environment, as botocore reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from worker.calls import GarbledAnswer
from worker.contract.flags import ENCRYPTION, read_flags
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

#: botocore's own retries: throttling, 5xx, resets and time-outs, with exponential back-off and jitter. They
#: are few, because `s3.retried` adds its own rounds, and checks between them whether the job may continue.
RETRIES = {"mode": "standard", "max_attempts": 3}

#: SQS answers within tens of milliseconds. If a heartbeat takes longer than this, it is better to send
#: another.
LONGEST_BEAT = 3.0

#: The most connections that downloads and uploads may use at once. An upload mostly waits for S3.
TRANSFER_THREADS = 10
UPLOAD_THREADS = 20
CONNECTIONS = TRANSFER_THREADS + UPLOAD_THREADS + 10


@dataclass(frozen=True)
class Clients:
    """`sqs` waits for long polls. `beat` never waits long, so that a heartbeat can be retried in time."""

    sqs: SQSClient
    beat: SQSClient
    s3: S3Client
    logs: CloudWatchLogsClient | None


def make_clients(settings: WorkerSettings) -> Clients:
    """Return the clients for the worker's region. The one for logs exists only if there is a log group."""
    # The type stubs know services only by literal names.
    session: Any = boto3.session.Session(region_name=settings.aws_region)
    call_seconds = settings.call_seconds

    def client(service: str, read_seconds: float, **options: Any) -> Any:
        config = Config(connect_timeout=min(5.0, read_seconds), read_timeout=read_seconds, **options)
        made = session.client(service, config=config)
        made.meta.events.register("after-call", refuse_web_page)
        return made

    s3 = client("s3", call_seconds, retries=RETRIES, max_pool_connections=CONNECTIONS)
    encrypt(s3, read_flags(settings.upload_flags).arguments)
    beat_seconds = max(0.5, min(call_seconds, settings.heartbeat_seconds / 2, LONGEST_BEAT))
    return Clients(
        sqs=client("sqs", call_seconds + 20, retries=RETRIES),
        beat=client("sqs", beat_seconds, retries={"mode": "standard", "max_attempts": 2}),
        s3=s3,
        logs=client("logs", 5, retries={"mode": "standard", "max_attempts": 3})
        if settings.log_group_name
        else None,
    )


def encrypt(s3: S3Client, flags: Mapping[str, Any]) -> None:
    """Encrypt everything that is written as UPLOAD_FLAGS say, including the run's own state.

    A bucket's policy may refuse anything else.
    """
    wanted = {name: flags[name] for name in ENCRYPTION if name in flags}

    def add(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return wanted | params

    events: Any = s3.meta.events  # the stubs allow only handlers that return nothing
    for operation in ("PutObject", "CreateMultipartUpload"):
        events.register(f"provide-client-params.s3.{operation}", add)


def refuse_web_page(http_response: Any, model: Any, **_: Any) -> None:
    """Raise GarbledAnswer if a web page came instead of an answer.

    A proxy or login page answers with status 200, and botocore reads that as an empty answer: no message, no
    object. An object may be a page, but an answer of AWS's APIs never is.
    """
    if model.has_streaming_output:
        return
    if http_response.content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise GarbledAnswer(reason=f"{model.name} was answered by a web page")
