"""What workers say of done jobs, many in one object, as far as the manifests that stand bear it out.

A line counts only for the manifest whose ETag it has (worker/records/segments.py).
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Set
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.listings import list_pages
from distributed_fiji.review.parallel import Read, in_parallel
from worker.contract.jobids import find_place, sorted_numbers
from worker.contract.jobs import FACTS, state_key
from worker.contract.state import MOST_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

SEGMENT = re.compile(r"[0-9a-f]{16}/[0-9]{1,9}\.jsonl\.gz\Z")
MANIFEST = re.compile(r"([0-9a-f]{16})\.json\Z")
ETAG = re.compile(r'"?([0-9a-f]{16})[0-9a-f]{16}"?\Z')


class StandingManifests:
    """The manifests that stand, of the jobs that are asked for. A job takes 17 bytes."""

    def __init__(self, jobs: Set[str]) -> None:
        self._numbers = sorted_numbers(jobs)
        #: The first half of each manifest's ETag as a number; 0: unknown.
        self._etags = array("Q", bytes(8 * len(self._numbers)))
        self._told = bytearray(len(self._numbers))
        self.oldest = float("inf")

    def add(self, job: str, item: ObjectTypeDef) -> None:
        """Enter a listed manifest."""
        place, etag = find_place(self._numbers, job), ETAG.match(item["ETag"])
        if place is not None and etag:
            self._etags[place] = int(etag[1], 16)
            self.oldest = min(self.oldest, item["LastModified"].timestamp())

    def takes(self, line: dict[str, Any]) -> bool:
        """Whether a line is of a manifest that stands, and the first one; the job then counts as told."""
        job, etag = line.get("job_id"), line.get("etag")
        place = find_place(self._numbers, job) if isinstance(job, str) else None
        said = ETAG.match(etag) if isinstance(etag, str) else None
        if place is None or said is None or self._told[place] or self._etags[place] != int(said[1], 16):
            return False
        self._told[place] = 1
        return True

    @property
    def untold(self) -> Iterator[str]:
        """The jobs of which no line was taken."""
        return (f"{number:016x}" for number, told in zip(self._numbers, self._told, strict=True) if not told)


def list_standing(s3: S3Client, bucket: str, app_name: str, jobs: Set[str]) -> StandingManifests:
    """Return which manifests of these jobs stand."""
    standing, folder = StandingManifests(jobs), state_key(app_name, "manifests", "")
    for page in list_pages(s3, bucket, folder):
        for item in page:
            if match := MANIFEST.match(item["Key"], len(folder)):
                standing.add(match[1], item)
    return standing


def read_lines(
    s3: S3Client, read: Read, bucket: str, app_name: str, standing: StandingManifests
) -> Iterator[dict[str, Any]]:
    """Yield the line of each standing manifest that has one; `standing.untold` then has the others."""
    keys = _list_segments(s3, bucket, app_name, standing.oldest)
    for lines in in_parallel(partial(_lines_in, read, bucket), keys):
        yield from filter(standing.takes, lines)


def _list_segments(s3: S3Client, bucket: str, app_name: str, oldest: float) -> Iterable[str]:
    """Return the keys of what was written after the oldest manifest, as every line of one is.

    An hour earlier, to be safe where objects were copied: whatever is read in vain costs only time.
    """
    folder = state_key(app_name, FACTS, "")
    return sorted(
        item["Key"]
        for page in list_pages(s3, bucket, folder)
        for item in page
        if SEGMENT.match(item["Key"], len(folder)) and item["LastModified"].timestamp() >= oldest - 3600
    )


def _lines_in(read: Read, bucket: str, key: str) -> list[dict[str, Any]]:
    """Return the lines of an object; none of one that is not as workers write it."""
    try:
        with gzip.open(io.BytesIO(read(bucket, key) or b"")) as file:
            lines = file.read(MOST_BYTES).splitlines()
        return [line for line in map(json.loads, lines) if isinstance(line, dict)]
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return []
