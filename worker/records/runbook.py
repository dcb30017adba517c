"""Which jobs belong to one run: all that were submitted to the same queue since it was created.

Read from the submissions in the run's state, and only if two jobs have met at one output.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker.contract.jobids import find_place, unpacked
from worker.contract.jobs import state_key
from worker.contract.state import Unreadable
from worker.storage import s3 as store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds for which what was read is not read again.
FRESH_SECONDS = 30.0
#: The job file's name in the submission of a redrive.
REDRIVE = "redrive"


@dataclass(frozen=True)
class Submitted:
    """What is read of a submission. `life`: when the queue that it went to was created."""

    etag: str
    life: str
    time: float
    again: bool
    jobs: array[int]

    def __contains__(self, job: str) -> bool:
        return find_place(self.jobs, job) is not None


class RunBook:
    """Reads the submissions of one app. May be used from several threads."""

    def __init__(
        self, s3: S3Client, bucket: str, app_name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._app_name = app_name
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._submissions: dict[str, Submitted] = {}

    def share_run(self, job: str, other: str) -> bool | None:
        """Return whether another job is one of a job's run; None for a job that submitJob did not send.

        Jobs that were redriven also belong to the run in which they failed.
        """
        known = self._up_to_date()
        mine = sorted((one for one in known if job in one), key=lambda one: one.time)
        if not mine:
            return None
        first = [one for one in mine if not one.again][-1:]
        lives = {one.life for one in (mine[-1], *first)}
        return any(other in one for one in known if one.life in lives)

    def _up_to_date(self) -> list[Submitted]:
        with self._lock:
            if self._clock() - self._read_at > FRESH_SECONDS:
                prefix = state_key(self._app_name, "submissions", "")
                for item in store.list_objects(self._s3, self._bucket, prefix):
                    known = self._submissions.get(item.key)
                    if known is None or known.etag != item.etag:
                        self._submissions[item.key] = self._read(item)
                self._read_at = self._clock()
            return list(self._submissions.values())

    def _read(self, item: store.Object) -> Submitted:
        found = store.read_json(self._s3, self._bucket, item.key)
        document = found[0] if found else {}
        sent = document.get("submitted_at")
        return Submitted(
            etag=item.etag,
            life=str(document.get("queue_created")),
            time=float(sent) if isinstance(sent, (int, float)) else 0.0,
            again=document.get("job_file") == REDRIVE,
            jobs=_numbers_in(document),
        )


def _numbers_in(document: Mapping[str, Any]) -> array[int]:
    try:
        return unpacked(document.get("job_ids", []))
    except Unreadable:
        return array("Q")


def has_open_run(s3: S3Client, bucket: str, app_name: str) -> bool:
    """Whether an app has a run that has started and is not taken down; one that we may not read counts."""
    try:
        return any(store.list_objects(s3, bucket, state_key(app_name, "runs", ""), most=1))
    except ClientError as error:
        if store.error_code(error) in ("AccessDenied", "403"):
            return True
        raise
