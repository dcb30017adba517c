"""What workers leave in the bucket, in their form: manifests with outputs, failure records, consoles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from distributed_fiji.aws.clients import Clients
from worker.contract.jobs import (
    FailureClass,
    Job,
    Outcome,
    encode_message,
    failure_key,
    log_key,
    manifest_key,
)
from worker.records.records import Origin, Sent, failure, manifest
from worker.verdict.verdict import Verdict


class Left(Protocol):
    """The owner of the bucket."""

    @property
    def app(self) -> str: ...

    @property
    def bucket(self) -> str: ...

    @property
    def clients(self) -> Clients: ...


def origin(run: Left) -> Origin:
    return Origin(run.app, "s3://b/script.ijm", "0" * 64, "image", "1.0", {"instance_id": "i-1"})


def done(
    run: Left,
    job: Job,
    outputs: Mapping[str, bytes],
    input_bytes: int = 0,
    script: bytes = b"",
    console: Sequence[str] = (),
) -> None:
    """Leave what a done job leaves: its outputs at its location, then its manifest with its console."""
    sent, put = [], run.clients.s3.put_object
    for name, body in outputs.items():
        key = f"{job.output_file_location}/{name}"
        etag = put(Bucket=run.bucket, Key=key, Body=body)["ETag"]
        sent.append(Sent(key, len(body), etag, ""))
    inputs = [{"key": "s3://b/a.tif", "etag": "e", "bytes": input_bytes}]
    about = {"attempt": 1, "inputs": inputs, "console": list(console)}
    by = replace(origin(run), script_sha256=hashlib.sha256(script).hexdigest())
    document = manifest(by, job, about, destination=run.bucket, outputs=sent)
    put(Bucket=run.bucket, Key=manifest_key(run.app, job.job_id), Body=json.dumps(document).encode())


def failed(
    run: Left,
    job: Job,
    kind: FailureClass,
    sentence: str,
    *,
    line: int | None = None,
    attempt: int = 1,
    console: Sequence[str] = (),
    input_bytes: int = 0,
) -> None:
    """Leave what a failed job leaves: its console, and the attempt's record."""
    verdict = Verdict(Outcome.FAILED, kind, sentence, line)
    about = {"attempt": attempt, "job_id": job.job_id, "inputs": [{"key": "a", "bytes": input_bytes}]}
    document = failure(origin(run), verdict, about, body=encode_message(job), console=console)
    put = run.clients.s3.put_object
    put(Bucket=run.bucket, Key=log_key(run.app, job.job_id, attempt), Body="\n".join(console).encode())
    put(
        Bucket=run.bucket,
        Key=failure_key(run.app, job.job_id, attempt),
        Body=json.dumps(document).encode(),
    )
