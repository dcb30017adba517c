"""What FIJI printed in attempts that have ended: a small console is in the manifest, others are objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import pages
from distributed_fiji.review.parallel import Read
from distributed_fiji.state.record import Run
from worker.contract.jobs import log_key, manifest_key, state_key
from worker.contract.state import Unreadable, number, read_object, refuse_another_app, texts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOG = re.compile(r"(\d{1,9})\.log\Z")


@dataclass(frozen=True)
class Console:
    """An attempt's console. `time`: when it was stored (seconds since 1970). `lines`: None for an object."""

    attempt: int
    time: float
    lines: tuple[str, ...] | None = None


class Consoles:
    """The consoles of one run's jobs in the bucket."""

    def __init__(self, run: Run, s3: S3Client, read: Read) -> None:
        self._run, self._s3, self._read = run, s3, read

    def list_attempts(self, job: str) -> list[Console]:
        """Return a job's consoles, the last one that was stored last; each attempt once.

        A job that was submitted again counts its attempts from 1 again: then the later one counts.
        """
        found = [*self._objects(job), *self._in_manifest(job)]
        last = {one.attempt: one for one in sorted(found, key=lambda one: one.time)}
        return sorted(last.values(), key=lambda one: one.time)

    def read_lines(self, job: str, console: Console) -> list[str]:
        """Return a console's lines."""
        if console.lines is not None:
            return "\n".join(console.lines).splitlines()
        body = self._read(self._run.bucket, log_key(self._run.app_name, job, console.attempt)) or b""
        return body.decode("utf-8", "replace").splitlines()

    def _objects(self, job: str) -> list[Console]:
        prefix = state_key(self._run.app_name, "logs", job) + "/"
        items = pages(self._s3, "list_objects_v2", "Contents", Bucket=self._run.bucket, Prefix=prefix)
        named = ((LOG.match(item["Key"], len(prefix)), item["LastModified"]) for item in items)
        return [Console(int(found[1]), written.timestamp()) for found, written in named if found]

    def _in_manifest(self, job: str) -> list[Console]:
        body = self._read(self._run.bucket, manifest_key(self._run.app_name, job))
        try:
            document: dict[str, Any] = read_object(body) if body else {}
            if "console" not in document:
                return []
            refuse_another_app(document, self._run.app_name)
            attempt, written = int(number(document, "attempt", 0)), number(document, "time_seconds", 0.0)
            return [Console(attempt, written, texts(document, "console"))]
        except Unreadable:
            return []
