"""What became of each job, read from its manifest or its failure records: the one place that knows where.

Everything above takes `DoneJob` and `FailedJob`. Of many done jobs, the workers' lines are read (`segments`);
they have what is needed here of the manifests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distributed_fiji.review.course import UNKNOWN, Course, course_in
from distributed_fiji.review.parallel import Read, in_parallel
from distributed_fiji.review.segments import list_standing, read_lines
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import pass_over
from worker.contract.jobs import FACTS, InvalidMessage, decode_message, manifest_key, thumbnails_key
from worker.contract.state import MOST_BYTES, Unreadable, number, read_object, refuse_another_app, text, texts
from worker.contract.thumbnails import Thumbnail, thumbnails_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Result = TypeVar("Result")

#: The manifests of so many jobs are read one by one. For more, workers' lines are quicker.
FEW = 2_000


@dataclass(frozen=True)
class DoneJob:
    """What a manifest says. `outputs`: bytes by key, in the bucket `destination`, below `location`.

    `patterns`: the inputs that the job named. `input_bytes`: None where the manifest does not say it.
    `machine`: id and type. `run_id`: of the one receive of the job that has written the manifest.
    """

    job_id: str
    metadata: dict[str, Any]
    destination: str
    location: str
    outputs: Mapping[str, int]
    script_sha256: str = ""
    patterns: tuple[str, ...] = ()
    input_bytes: int | None = None
    machine: str = ""
    course: Course = UNKNOWN
    run_id: str = ""


@dataclass(frozen=True)
class FailedJob:
    """A failed attempt. `failure`: its class; `time`: seconds since 1970; `body`: the message as it was sent.

    `line`: the script's, None where it is not known. `console`: the last lines that FIJI printed.
    """

    job_id: str
    attempt: int
    time: float
    failure: str
    sentence: str
    line: int | None = None
    console: tuple[str, ...] = ()
    body: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    input_bytes: int | None = None
    machine: str = ""
    course: Course = UNKNOWN


class Facts:
    """Reads what became of a run's jobs."""

    def __init__(self, run: Run, read: Read, s3: S3Client | None = None, few: int = FEW) -> None:
        """`few`: up to how many manifests are read one by one; without `s3`, all are."""
        self._run, self._read, self._s3, self._few = run, read, s3, few

    @property
    def app_name(self) -> str:
        return self._run.app_name

    def done(self, jobs: Set[str]) -> Iterator[DoneJob]:
        """Yield what the manifests of jobs say; one that is none is passed over.

        The order is that of the jobs' ids, or for many jobs the workers'. It is the same every time.
        """
        if self._s3 is None or len(jobs) <= self._few:
            yield from self._in_manifests(sorted(jobs))
            return
        run = self._run
        standing = list_standing(self._s3, run.bucket, run.app_name, jobs)
        odd: list[str] = []
        for line in read_lines(self._s3, self._read, run.bucket, run.app_name, standing):
            if job := self._readable(line, _done, f"{FACTS}/, line of {line['job_id']}"):
                yield job
            else:
                odd.append(line["job_id"])
        yield from self._in_manifests(chain(odd, standing.untold))

    def _in_manifests(self, jobs: Iterable[str]) -> Iterator[DoneJob]:
        keys = (manifest_key(self._run.app_name, job) for job in jobs)
        yield from filter(None, in_parallel(lambda key: self._find(key, _done), keys))

    def failed(self, keys: Iterable[str]) -> Iterator[FailedJob]:
        """Yield what failure records say, by their keys; one that is none is passed over."""
        yield from filter(None, in_parallel(lambda key: self._find(key, failed_in), keys))

    def thumbnails(self, job: str, run_id: str) -> list[Thumbnail]:
        """Return the thumbnails of a job's outputs, if that run of the job has made them."""

        def own(document: dict[str, Any]) -> list[Thumbnail]:
            return thumbnails_in(document) if document.get("run_id") == run_id else []

        return self._find(thumbnails_key(self._run.app_name, job), own) or []

    def _find(self, key: str, read: Callable[[dict[str, Any]], Result]) -> Result | None:
        body = self._read(self._run.bucket, key)
        if body is None:
            return None
        try:
            return self._readable(read_object(body), read, key)
        except Unreadable as error:
            pass_over(self._run.bucket, key, str(error))
            return None

    def _readable(
        self, document: dict[str, Any], read: Callable[[dict[str, Any]], Result], key: str
    ) -> Result | None:
        try:
            refuse_another_app(document, self._run.app_name)
            return read(document)
        except (Unreadable, RecursionError) as error:
            pass_over(self._run.bucket, key, str(error))
            return None


def from_s3(s3: S3Client) -> Read:
    """Return what reads objects from S3."""

    def read(bucket: str, key: str) -> bytes | None:
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES)
        except s3.exceptions.NoSuchKey:
            return None

    return read


def from_folder(buckets: Path, otherwise: Read) -> Read:
    """Return what reads the embedded cloud's objects as the files that most of them are.

    A manifest may name any bucket and any key: what leads out of the folder is left to `otherwise`.
    """

    def read(bucket: str, key: str) -> bytes | None:
        path = f"{bucket}/{key}"
        if path.startswith(("/", "../")) or os.path.normpath(path) != path:
            return otherwise(bucket, key)
        try:
            return (buckets / path).read_bytes()
        except (OSError, ValueError):
            return otherwise(bucket, key)

    return read


def _done(document: dict[str, Any]) -> DoneJob:
    job = document.get("job")
    if not isinstance(job, dict):
        raise Unreadable("it names no job")
    return DoneJob(
        job_id=text(document, "job_id"),
        metadata=_object(job, "Metadata"),
        destination=text(document, "destination"),
        location=text(job, "output_file_location").strip("/"),
        outputs={
            text(entry, "key"): int(number(entry, "bytes", 0)) for entry in _entries(document, "outputs")
        },
        script_sha256=text(document, "script_sha256", ""),
        patterns=texts(job, "inputs"),
        input_bytes=_input_bytes(document),
        machine=_machine(document),
        course=course_in(document),
        run_id=text(document, "run_id", ""),
    )


def failed_in(document: dict[str, Any]) -> FailedJob:
    """Return the failed attempt in a record. Raises Unreadable."""
    body, line = text(document, "message", ""), document.get("line")
    return FailedJob(
        job_id=text(document, "job_id"),
        attempt=int(number(document, "attempt", 0)),
        time=number(document, "time_seconds", 0),
        failure=text(document, "class", ""),
        sentence=text(document, "sentence", ""),
        line=line if isinstance(line, int) else None,
        console=texts(document, "console"),
        body=body,
        metadata=_metadata_in(body),
        input_bytes=_input_bytes(document),
        machine=_machine(document),
        course=course_in(document),
    )


def _metadata_in(body: str) -> dict[str, Any]:
    try:
        return decode_message(body).metadata
    except InvalidMessage:
        return {}


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value


def _entries(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable(f"{name} is not a list of objects")
    return entries


def _input_bytes(document: dict[str, Any]) -> int | None:
    """Return the bytes of all inputs; None where the record, as those of earlier workers, does not say it."""
    if "inputs" not in document:
        return None
    return int(sum(number(entry, "bytes", 0) for entry in _entries(document, "inputs")))


def _machine(document: dict[str, Any]) -> str:
    """Return the machine's id and type; '' where it is none of EC2's."""
    machine = document.get("machine")
    known = machine if isinstance(machine, dict) else {}
    return " ".join(str(known[name]) for name in ("instance_id", "instance_type") if name in known)
