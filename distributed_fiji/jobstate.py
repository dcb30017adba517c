"""What the bucket says of the jobs: submissions, manifests, failure records; each read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from distributed_fiji.aws import pages
from distributed_fiji.runfacts import RunFacts
from distributed_fiji.submissions import Submission, read_submissions
from worker.contract import manifest_key, state_key

THREADS = 16

#: The latest failure record of a job: key and when it was written (seconds since 1970).
Failures = dict[str, list[tuple[str, float]]]


class JobState:
    """Reads the state of a run's jobs; keeps what cannot have changed since the last look."""

    def __init__(self, run: RunFacts, s3: Any) -> None:
        self._run = run
        self._s3 = s3
        self._listed: tuple[tuple[str, str], ...] | None = None
        self._submissions: list[Submission] = []
        self._same_script: dict[tuple[str, float], bool] = {}

    def submissions(self, queue_created: str) -> list[Submission]:
        """Return the submissions to this life of the queue, read again only when their listing changed."""
        prefix = state_key(self._run.app_name, "submissions", "")
        listed = tuple((item["Key"], item["ETag"]) for item in self._list(prefix))
        if listed != self._listed:
            self._submissions = read_submissions(
                self._s3, self._run.bucket, self._run.app_name, queue_created
            )
            self._listed = listed
        return self._submissions

    def manifests(self) -> dict[str, float]:
        """Return when each job's manifest was written (seconds since 1970), by job id."""
        prefix = state_key(self._run.app_name, "manifests", "")
        return {
            item["Key"][len(prefix) :].removesuffix(".json"): item["LastModified"].timestamp()
            for item in self._list(prefix)
            if item["Key"].endswith(".json")
        }

    def failures(self) -> Failures:
        """Return the failure records of each job, oldest attempt first."""
        prefix = state_key(self._run.app_name, "failures", "")
        found: Failures = {}
        for item in self._list(prefix):
            job, _, _name = item["Key"][len(prefix) :].partition("/")
            found.setdefault(job, []).append((item["Key"], item["LastModified"].timestamp()))
        for records in found.values():
            records.sort(key=lambda record: record[1])
        return found

    def by_todays_script(self, older: dict[str, float]) -> frozenset[str]:
        """Return those of older manifests whose script is that of this run; each is read once."""
        wanted = [item for item in older.items() if item not in self._same_script]
        with ThreadPoolExecutor(THREADS) as pool:
            verdicts = pool.map(self._has_todays_script, (job for job, _ in wanted))
            self._same_script.update(zip(wanted, verdicts, strict=True))
        return frozenset(job for job, written in older.items() if self._same_script[job, written])

    def _has_todays_script(self, job: str) -> bool:
        """A script whose hash is not known ahead cannot be compared; the worker decides then."""
        if not self._run.script_sha256:
            return True
        key = manifest_key(self._run.app_name, job)
        try:
            manifest = json.loads(self._s3.get_object(Bucket=self._run.bucket, Key=key)["Body"].read())
        except (ValueError, self._s3.exceptions.NoSuchKey):
            return False
        return manifest.get("script_sha256") == self._run.script_sha256

    def read_failure(self, key: str) -> dict[str, Any]:
        """Return a failure record."""
        return json.loads(self._s3.get_object(Bucket=self._run.bucket, Key=key)["Body"].read())

    def _list(self, prefix: str) -> Iterable[dict[str, Any]]:
        return pages(self._s3, "list_objects_v2", "Contents", Bucket=self._run.bucket, Prefix=prefix)


def submitted_at(submissions: Iterable[Submission]) -> dict[str, float]:
    """Return when each job was submitted last, by job id; `submissions` are oldest first."""
    return {job: submission.submitted_at for submission in submissions for job in submission.job_ids}
