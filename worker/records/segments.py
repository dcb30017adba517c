"""Lines about done jobs, many in one object: who reads a million jobs need not read a million manifests.

A line is what readers need of a manifest, with the ETag of the manifest that it was taken from. It is never
believed over a manifest: one that has another ETag, or no line, is read itself. So a worker that is killed
loses nothing but its readers' time.
"""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from worker.calls import CALL_ERRORS
from worker.contract.jobs import segment_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

#: An object is written as soon as there are so many lines, and else at these intervals.
LINES, LONGEST_SECONDS = 50, 900.0
#: Lines are kept for a later object while S3 refuses them, up to this many.
MOST_LINES = 2_000

#: What a line has of a manifest.
KEPT = (
    "app_name",
    "job_id",
    "run_id",
    "job",
    "destination",
    "script_url",
    "script_sha256",
    "image",
    "worker_version",
    "machine",
    "attempt",
    "seconds",
    "inputs",
    "versions",
    "fiji",
    "peak_memory_mb",
    "time_seconds",
)


def line_of(document: Mapping[str, Any], etag: str) -> dict[str, Any]:
    """Return a manifest's line. Of outputs it has keys and bytes, of warnings their beginnings."""
    line = {name: document[name] for name in KEPT if name in document}
    line["outputs"] = [{"key": one["key"], "bytes": one["bytes"]} for one in document["outputs"]]
    line["warnings"] = [str(warning.get("text", ""))[:200] for warning in document.get("warnings") or ()]
    return {**line, "etag": etag.strip('"')}


class Segments:
    """Collects lines, and writes them in its own thread. Nothing here fails or delays a job."""

    def __init__(self, s3: S3Client, bucket: str, app_name: str) -> None:
        self._s3, self._bucket, self._app_name = s3, bucket, app_name
        self._worker = uuid.uuid4().hex[:16]
        self._numbers = itertools.count()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._write_until_closed, name="segments", daemon=True)
        self._thread.start()

    def add(self, document: Mapping[str, Any], etag: str) -> None:
        """Add the line of a manifest that has been written with an ETag. May be called from any thread."""
        try:
            self._lines.append(json.dumps(line_of(document, etag), ensure_ascii=False, separators=(",", ":")))
        except (LookupError, TypeError, ValueError, AttributeError):
            # An older manifest that is confirmed may be anything; then it is read itself.
            return
        if len(self._lines) >= LINES:
            self._wake.set()

    def close(self, seconds: float) -> None:
        """Write what is left, for at most `seconds`."""
        self._closed = True
        self._wake.set()
        self._thread.join(seconds)

    def _write_until_closed(self) -> None:
        while not self._closed:
            self._wake.wait(LONGEST_SECONDS)
            self._wake.clear()
            self._write()
        self._write()

    def _write(self) -> None:
        taken = [self._lines.popleft() for _ in range(len(self._lines))]
        if not taken:
            return
        body = gzip.compress("".join(f"{line}\n" for line in taken).encode("utf-8", "replace"))
        key = segment_key(self._app_name, self._worker, next(self._numbers))
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")
        except CALL_ERRORS as error:
            log.warning("lines about %d done jobs could not be written: %s", len(taken), error)
            self._lines.extendleft(reversed(taken))
