"""The run's own state in AWS_BUCKET: manifests, failure records, logs. Only this decides what is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from worker.contract.jobs import (
    WARNINGS,
    WITHOUT_OUTPUTS,
    claim_key,
    failure_key,
    log_key,
    manifest_key,
    marker_key,
    state_key,
    thumbnails_key,
)
from worker.contract.state import Unreadable, number, refuse_another_app, text
from worker.contract.thumbnails import Thumbnail, as_document
from worker.records.segments import Segments
from worker.storage import s3 as store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Check = Callable[[], None]

#: S3's error codes when a condition does not hold; 404: what should be replaced is gone.
NOT_AS_EXPECTED = ("PreconditionFailed", "412", "NoSuchKey", "404")

#: A claim lasts as long as its message's visibility, which SQS limits to 12 hours. One that says more is not
#: ours, and would keep the job from ever being done.
LONGEST_CLAIM = 43_200


@dataclass(frozen=True)
class StandingClaim:
    """A claim in the bucket; `over`: its run has ended; `before`: the runs that had it earlier.

    `silent_seconds`: since its last renewal, by S3's own clock; after `valid_seconds` it has expired.
    """

    run_id: str
    etag: str
    silent_seconds: float
    valid_seconds: float
    over: bool
    before: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """All runs that have had the claim, the last one last."""
        return tuple(dict.fromkeys((*self.before, self.run_id)))


class StoredManifest(NamedTuple):
    """A manifest in the bucket. `written`: whole seconds since 1970."""

    document: dict[str, Any]
    etag: str
    written: float


class Ledger:
    """Reads and writes the state of one app's jobs."""

    def __init__(self, s3: S3Client, bucket: str, app_name: str, segments: Segments | None = None) -> None:
        """`segments`: where each manifest that is written gets a line."""
        self._s3 = s3
        self._bucket = bucket
        self._app_name = app_name
        self._segments = segments

    def manifest(self, job_id: str) -> StoredManifest | None:
        """Return a job's manifest as it is in the bucket, or None. One that is not a JSON object
        reads as {}.
        """
        found = self._read(manifest_key(self._app_name, job_id))
        if found is None:
            return None
        document, answer = found
        return StoredManifest(document, answer["ETag"], answer["LastModified"].timestamp())

    def outputs(self, bucket: str, keys: Iterable[str]) -> dict[str, store.Object]:
        """Return the outputs that exist, by key."""
        return {item.key: item for item in store.find_objects(self._s3, bucket, keys)}

    def confirm(self, job_id: str, standing: StoredManifest, message_id: str) -> bool:
        """Write a valid manifest again, so that it has a new time; False if it has been replaced in the
        meantime.

        The monitor counts a job as done by a manifest written since the job was submitted. It need not read
        any, nor trust what an earlier run did.
        """
        confirmed = {"message_id": message_id, "time_seconds": round(time.time(), 3)}
        document = {**standing.document, "confirmed": confirmed}
        return self._commit(job_id, document, standing.etag, _go_on)

    def commit(self, job_id: str, document: Mapping[str, Any], replaces: str | None, check: Check) -> bool:
        """Write a manifest if there is none, or only over the one with the ETag `replaces`; else return
        False.

        Its markers are written first, so that a job is never counted as done without them. They take time,
        so `check`, which may raise, comes between them and each try to write the manifest.
        """
        self._mark(job_id, document, may_be_marked=bool(replaces) or document.get("attempt") != 1)
        return self._commit(job_id, document, replaces, check)

    def _mark(self, job_id: str, document: Mapping[str, Any], *, may_be_marked: bool) -> None:
        """Write the markers of a job that is about to be done, and void those of an earlier run."""
        marks = {
            WARNINGS: document.get("warnings"),
            WITHOUT_OUTPUTS: bool(document.get("without_outputs")) or None,
        }
        for kind, said in marks.items():
            key = marker_key(self._app_name, kind, job_id)
            if said:
                mark = {"app_name": self._app_name, "job_id": job_id, kind: said, "job": document.get("job")}
                self._put(key, mark)
            elif may_be_marked and (standing := self._find(key)) and standing.size:
                store.retried(partial(self._s3.put_object, Bucket=self._bucket, Key=key, Body=b""), _go_on)

    def _put(self, key: str, document: Mapping[str, Any]) -> None:
        store.retried(partial(store.write_json, self._s3, self._bucket, key, document), _go_on)

    def _find(self, key: str) -> store.Object | None:
        return store.retried(partial(store.find_object, self._s3, self._bucket, key), _go_on)

    def _commit(self, job_id: str, document: Mapping[str, Any], replaces: str | None, check: Check) -> bool:
        def write() -> str | None:
            check()
            return self._write_if(manifest_key(self._app_name, job_id), document, replaces)

        etag = store.retried(write, check)
        if etag is not None and self._segments is not None:
            self._segments.add(document, etag)
        return etag is not None

    def claim(self, job_id: str) -> StandingClaim | None:
        """Return the claim on a job, or None."""
        found = self._read(claim_key(self._app_name, job_id))
        if found is None:
            return None
        document, answer = found
        return StandingClaim(
            run_id=str(document.get("run_id")),
            etag=answer["ETag"],
            silent_seconds=store.age_of(answer),
            valid_seconds=_valid_seconds(document),
            over=document.get("over") is True,
            before=_texts(document.get("before")),
        )

    def write_claim(
        self,
        job_id: str,
        run_id: str,
        valid_seconds: float,
        *,
        before: Sequence[str] = (),
        replaces: str | None = None,
        over: bool = False,
    ) -> str | None:
        """Write a claim as `commit` writes a manifest; return its ETag, or None if another was quicker.

        Each write differs from the one before, so that each has its own ETag.
        """
        document = {
            "run_id": run_id,
            "valid_seconds": valid_seconds,
            "over": over,
            "before": list(before),
            "time_seconds": time.time(),
        }
        return self._write_if(claim_key(self._app_name, job_id), document, replaces)

    def _read(self, key: str) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Return a document and the response that brought it, or None if there is none."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if store.error_code(error) in ("NoSuchKey", "404"):
                return None
            raise
        return store.json_object(answer["Body"].read(), f"s3://{self._bucket}/{key}"), answer

    def _write_if(self, key: str, document: Mapping[str, Any], replaces: str | None) -> str | None:
        condition = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
        try:
            return store.write_json(self._s3, self._bucket, key, document, **condition)
        except ClientError as error:
            if store.error_code(error) in NOT_AS_EXPECTED:
                return None
            raise

    def failures(self, job_id: str) -> list[dict[str, Any]]:
        """Return the records of a job's failed attempts; invalid ones are ignored."""
        prefix = state_key(self._app_name, "failures", job_id) + "/"
        keys = [item.key for item in store.list_objects(self._s3, self._bucket, prefix)]
        numbered = [key for key in keys if key[len(prefix) :].removesuffix(".json").isdecimal()]
        found = (store.read_json(self._s3, self._bucket, key) for key in numbered)
        return [entry[0] for entry in found if entry and self._is_ours(entry[0])]

    def _is_ours(self, document: Mapping[str, Any]) -> bool:
        try:
            refuse_another_app(document, self._app_name)
            number(document, "time_seconds", 0.0)
            for name in ("class", "sentence", "script_sha256"):
                text(document, name, "")
        except Unreadable:
            return False
        return True

    def record_failure(self, job_id: str, attempt: int, document: Mapping[str, Any]) -> None:
        """Write the record of a failed attempt."""
        store.write_json(self._s3, self._bucket, failure_key(self._app_name, job_id, attempt), document)

    def keep_log(self, job_id: str, attempt: int, file: Path) -> None:
        """Store FIJI's console output of an attempt."""
        with file.open("rb") as body:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=log_key(self._app_name, job_id, attempt),
                Body=body,
                ContentType="text/plain; charset=utf-8",
            )

    def keep_thumbnails(self, job_id: str, run_id: str, thumbnails: Sequence[Thumbnail]) -> None:
        """Store thumbnails of a job's outputs. They count only beside a manifest of the same run."""
        about = {"app_name": self._app_name, "job_id": job_id, "run_id": run_id}
        document = {**about, "thumbnails": as_document(thumbnails)}
        store.write_json(self._s3, self._bucket, thumbnails_key(self._app_name, job_id), document)


def _go_on() -> None:
    """Break off nothing."""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _valid_seconds(document: Mapping[str, Any]) -> float:
    """Return for how long a claim is valid: at most as long as a message can be hidden."""
    try:
        return min(number(document, "valid_seconds", 0.0), LONGEST_CLAIM)
    except Unreadable:
        return 0.0
