"""What the bucket says about the jobs: submissions, manifests, failure records."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.listings import list_pages
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.state.jobids import LastSubmitted
from distributed_fiji.state.jobnames import read_names
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import find_state, pass_over
from distributed_fiji.state.submissions import Submission, list_submissions, read_submissions
from worker.contract.jobs import THUMBNAILS, state_key
from worker.contract.state import refuse_another_app

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Objects that are read at the same time.
THREADS = 16

#: The failure records of each job: key and when it was written (seconds since 1970).
Failures = dict[str, list[tuple[str, float]]]

#: The names below `manifests/`, `thumbnails/` and `failures/`; a message that is no job has a record too.
MANIFEST = re.compile(r"([0-9a-f]{16})\.json\Z")
FAILURE = re.compile(r"((?:rejected-)?[0-9a-f]{16})/[0-9]{1,9}\.json\Z")


class OutOfTime(DistributedFijiError):
    """Raised when the jobs could not be listed in time; the text says how many pages were."""


class JobState:
    """Reads the state of a run's jobs, and keeps what cannot have changed since the last look.

    `has_time` is asked before each page of a listing. Reading raises OutOfTime where it is False.
    """

    def __init__(self, run: Run, s3: S3Client, has_time: Callable[[], bool] = lambda: True) -> None:
        self._run = run
        self._s3 = s3
        self._has_time = has_time
        self._listed: tuple[Any, ...] | None = None
        self._submissions: list[Submission] = []
        #: When each of their jobs was last submitted.
        self.last_submitted = LastSubmitted([], [])
        #: How many pages of listings were read so far.
        self.pages = 0

    def submissions(self, queue_created: str) -> list[Submission]:
        """Return the submissions since the queue was created; read again only if their listing
        has changed.
        """
        run = self._run
        listed = (queue_created, *list_submissions(self._s3, run.bucket, run.app_name))
        if listed != self._listed:
            self._submissions = read_submissions(self._s3, run.bucket, run.app_name, queue_created)
            self.last_submitted = LastSubmitted(
                [one.job_ids for one in self._submissions], [one.submitted_at for one in self._submissions]
            )
            self._listed = listed
        return self._submissions

    def manifests(self) -> Iterator[tuple[str, float]]:
        """Yield each job with a manifest and when that was written (seconds since 1970)."""
        for job, item in self._items("manifests", MANIFEST):
            yield job, item["LastModified"].timestamp()

    def failure_records(self) -> Iterator[tuple[str, str, float]]:
        """Yield job, key and time (seconds since 1970) of each failure record."""
        for job, item in self._items("failures", FAILURE):
            yield job, item["Key"], item["LastModified"].timestamp()

    def failures(self, jobs: Container[str] | None = None) -> Failures:
        """Return the failure records of each job, or of each of these, oldest attempt first."""
        found: Failures = {}
        for job, key, written in self.failure_records():
            if jobs is None or job in jobs:
                found.setdefault(job, []).append((key, written))
        for records in found.values():
            records.sort(key=lambda record: record[1])
        return found

    def marked(self, kind: str) -> Iterator[str]:
        """Yield the jobs that have a marker of that kind; an empty marker has been withdrawn."""
        for job, item in self._items(kind, MANIFEST):
            if item["Size"]:
                yield job

    def pictured(self) -> Iterator[str]:
        """Yield the jobs of whose outputs there are thumbnails."""
        for job, _ in self._items(THUMBNAILS, MANIFEST):
            yield job

    def read_failure(self, key: str) -> dict[str, Any]:
        """Return a failure record; {} for an unreadable one, or another app's."""

        def own(document: dict[str, Any]) -> dict[str, Any]:
            refuse_another_app(document, self._run.app_name)
            return document

        return find_state(self._s3, self._run.bucket, key, own) or {}

    def names(self, jobs: Iterable[str]) -> dict[str, str]:
        """Return the names by which people know jobs, by job ID."""
        wanted = set(jobs)
        return read_names(self._s3, self._run.bucket, self._run.app_name, wanted) if wanted else {}

    def _items(self, folder: str, name: re.Pattern[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield job and listed object of a folder of the state."""
        prefix = state_key(self._run.app_name, folder, "")
        for page in list_pages(self._s3, self._run.bucket, prefix):
            self.pages += 1
            if not self._has_time():
                raise OutOfTime(f"there is no time to list more of them (pages read: {self.pages:,})")
            for item in page:
                if match := name.match(item["Key"], len(prefix)):
                    yield match[1], item
                else:
                    pass_over(self._run.bucket, item["Key"], f"its name is not that of one of our {folder}")
