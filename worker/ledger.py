"""The run's own state in AWS_BUCKET: manifests, failure records, logs. What is done is decided here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from worker import s3 as store
from worker.contract import Job, failure_key, log_key, manifest_key, state_key
from worker.records import same_work


class Ledger:
    """Reads and writes the state of one app's jobs."""

    def __init__(self, s3: Any, bucket: str, app_name: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._app_name = app_name

    def manifest(self, job_id: str) -> tuple[dict[str, Any], str] | None:
        """Return a job's manifest and its ETag, or None."""
        return store.read_json(self._s3, self._bucket, manifest_key(self._app_name, job_id))

    def holds(self, document: Mapping[str, Any], job: Job, script_sha256: str) -> bool:
        """Whether a manifest still says the truth: this job, this script, and all outputs stand as listed."""
        if not same_work(document, job, script_sha256):
            return False
        listed = {entry["key"]: entry for entry in document.get("outputs", [])}
        bucket = str(document.get("destination"))
        found = {item.key: item for item in store.find_objects(self._s3, bucket, listed)}
        return all(
            key in found and (found[key].size, found[key].etag) == (entry["bytes"], entry["etag"])
            for key, entry in listed.items()
        )

    def commit(self, job_id: str, document: Mapping[str, Any], replaces: str | None) -> bool:
        """Write a manifest if none is there, or just the one with the ETag `replaces`; else return False."""
        condition = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
        key = manifest_key(self._app_name, job_id)
        try:
            store.retried(
                lambda: store.write_json(self._s3, self._bucket, key, document, **condition), lambda: None
            )
        except ClientError as error:
            # 404: the manifest that should be replaced has gone.
            if store.error_code(error) in ("PreconditionFailed", "412", "NoSuchKey", "404"):
                return False
            raise
        return True

    def failures(self, job_id: str) -> list[dict[str, Any]]:
        """Return the records of a job's failed attempts."""
        prefix = state_key(self._app_name, "failures", job_id) + "/"
        keys = [item.key for item in store.list_objects(self._s3, self._bucket, prefix)]
        found = (store.read_json(self._s3, self._bucket, key) for key in keys)
        return [entry[0] for entry in found if entry]

    def record_failure(self, job_id: str, attempt: int, document: Mapping[str, Any]) -> None:
        """Write the record of a failed attempt."""
        store.write_json(self._s3, self._bucket, failure_key(self._app_name, job_id, attempt), document)

    def keep_log(self, job_id: str, attempt: int, file: Path) -> None:
        """Write FIJI's console of an attempt."""
        with file.open("rb") as body:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=log_key(self._app_name, job_id, attempt),
                Body=body,
                ContentType="text/plain; charset=utf-8",
            )
