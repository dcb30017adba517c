"""Download objects exactly as they were listed: with s5cmd if there are many, otherwise in process.

Each GET asks for the listed ETag, and the received size must match the listed one. If an object has a
checksum of its own, botocore verifies it; otherwise the ETag serves if it is an MD5. s5cmd cannot ask for an
ETag, so it fetches only objects whose MD5 can be verified afterwards.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError
from botocore.httpchecksum import StreamingChecksumBody
from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError
from s3transfer.subscribers import BaseSubscriber

from worker.aws.clients import TRANSFER_THREADS
from worker.contract.jobs import FailureClass
from worker.errors import ChangedMeanwhile, JobFailed
from worker.storage import s3 as store
from worker.storage.bulk import LARGE, MANY, Batch, Bulk
from worker.storage.checksums import md5_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Check = Callable[[], None]
CHUNK = 256 * 1024
#: `classic`: the CRT client ignores custom endpoints.
LARGE_FILES = TransferConfig(
    multipart_threshold=LARGE,
    multipart_chunksize=16 * 2**20,
    max_concurrency=6,
    preferred_transfer_client="classic",
)
MD5 = re.compile(r'"?[0-9a-f]{32}"?\Z')
#: S3's answers if the object is no longer the listed one.
NOT_THAT_ONE = ("PreconditionFailed", "412", "NoSuchKey", "404")
#: ETags in directory buckets are not MD5s (S3 user guide, "Differences for directory buckets").
DIRECTORY_BUCKET = "--x-s3"


class Damaged(store.MayBeTriedAgain):
    """Raised when the received data differs from the listed object, although S3 claims they are the same."""


class Downloads:
    """All downloads of one worker. `check` is called throughout, and may raise to stop a download at once."""

    def __init__(self, s3: S3Client, bulk: Bulk) -> None:
        self._s3 = s3
        self._bulk = bulk
        self._pool = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="download")
        # Buckets with KMS, whose ETags look like MD5s but are not: downloads by a program cannot be verified
        # there.
        self._opaque: set[str] = set()

    def fetch(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> None:
        """Download `objects`, by their names in the batch, to files.

        Raises JobFailed if one cannot be downloaded, ChangedMeanwhile if one has changed since it was listed.
        """
        address = f"s3://{batch.bucket}/{batch.prefix}"
        try:
            for folder in {(batch.folder / name).parent for name in objects}:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address) from error
        missing = list(objects)
        if len(missing) >= MANY:
            missing = self._fetch_in_bulk(batch, objects, check)

        def fetch(name: str, check: Check) -> None:
            self._fetch_one(batch.bucket, objects[name], batch.folder / name, check)

        self._run_all([partial(fetch, name) for name in missing], check, address)

    def close(self) -> None:
        """Start no more downloads. Running ones are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fetch_in_bulk(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> list[str]:
        """Let a program download what can be verified afterwards; return the rest."""
        names = [
            name
            for name, item in objects.items()
            if item.size < LARGE
            and self._may_be_md5(batch.bucket, item)
            # A program needs the name to be the rest of the key.
            and item.key == batch.prefix + name
        ]
        if len(names) < MANY:
            return list(objects)
        whole = batch.whole and len(names) == len(objects)
        if self._bulk.has_s5cmd:
            self._bulk.fetch(replace(batch, names=names, whole=whole), check)
        elif whole:
            self._bulk.sync(batch, check)
        held = set(names).intersection(self._held(batch, {name: objects[name] for name in names}, check))
        return [name for name in objects if name not in held]

    def _fetch_one(self, bucket: str, item: store.Object, path: Path, check: Check) -> None:
        def attempt() -> None:
            # Never write through a link, nor into a file that another process has open.
            path.unlink(missing_ok=True)
            if item.size >= LARGE:
                self._fetch_large(bucket, item, path, check)
            else:
                self._fetch_small(bucket, item, path, check)

        try:
            store.retried(attempt, check)
        except ClientError as error:
            if store.error_code(error) in NOT_THAT_ONE:
                raise ChangedMeanwhile(f"s3://{bucket}/{item.key}") from error
            raise
        except store.MayBeTriedAgain as error:
            raise JobFailed(FailureClass.DOWNLOAD_FAILED, str(error)) from error

    def _fetch_small(self, bucket: str, item: store.Object, path: Path, check: Check) -> None:
        answer = self._s3.get_object(Bucket=bucket, Key=item.key, IfMatch=item.etag)
        # No second check (1.6 ms per MB) if botocore has verified the object's own checksum.
        md5 = (
            None if isinstance(answer["Body"], StreamingChecksumBody) else hashlib.md5(usedforsecurity=False)
        )
        size = 0
        with path.open("xb") as file:
            for chunk in answer["Body"].iter_chunks(CHUNK):
                check()
                file.write(chunk)
                size += len(chunk)
                if md5:
                    md5.update(chunk)
        self._compare(bucket, item, size, md5.hexdigest() if md5 else item.etag, answer)

    def _fetch_large(self, bucket: str, item: store.Object, path: Path, check: Check) -> None:
        """Download one large file in parts. Leaving the block with an exception stops the download."""
        with create_transfer_manager(self._s3, LARGE_FILES) as manager:
            future = manager.download(bucket, item.key, str(path), subscribers=[_AsListed(item)])
            while not future.done():
                check()
                time.sleep(0.05)
            try:
                future.result()
            except S3DownloadFailedError as error:
                # s3transfer's error for a 412 in one of the parts.
                raise ChangedMeanwhile(f"s3://{bucket}/{item.key}") from error
            except RetriesExceededError as error:
                raise store.MayBeTriedAgain(str(error.last_exception)) from error
        if not self._may_be_md5(bucket, item):
            self._compare(bucket, item, path.stat().st_size, "", {})
            return
        md5 = md5_of(path, check)
        is_same = md5 == item.etag.strip('"')
        answer: Mapping[str, Any] = {}
        if not is_same:
            answer = self._s3.head_object(Bucket=bucket, Key=item.key)
        self._compare(bucket, item, path.stat().st_size, md5, answer)

    def _compare(
        self, bucket: str, item: store.Object, size: int, md5: str, answer: Mapping[str, Any]
    ) -> None:
        """Raise Damaged unless size and MD5 match the listing. KMS ETags are not MD5s (S3 API)."""
        address = f"s3://{bucket}/{item.key}"
        if size != item.size:
            raise Damaged(f"The download of {address} broke off: {size} of its {item.size} bytes arrived.")
        if str(answer.get("ServerSideEncryption", "")).startswith("aws:kms"):
            self._opaque.add(bucket)
        elif self._may_be_md5(bucket, item) and md5.strip('"') != item.etag.strip('"'):
            raise Damaged(f"The download of {address} differs from the file in the bucket: its MD5 is {md5}.")

    def _may_be_md5(self, bucket: str, item: store.Object) -> bool:
        opaque = bucket in self._opaque or bucket.endswith(DIRECTORY_BUCKET)
        return not opaque and MD5.match(item.etag) is not None

    def _held(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> list[str]:
        """Return the names whose files hold exactly their objects' bytes, according to their MD5s."""

        def holds(name: str) -> bool:
            path, item = batch.folder / name, objects[name]
            regular = path.is_file() and not path.is_symlink()
            return (
                regular and path.stat().st_size == item.size and md5_of(path, check) == item.etag.strip('"')
            )

        return [name for name, held in zip(objects, self._pool.map(holds, objects), strict=True) if held]

    def _run_all(self, tasks: list[Callable[[Check], None]], check: Check, address: str) -> None:
        """Run tasks on the pool; the first error stops all of them."""
        over = threading.Event()

        def check_both() -> None:
            check()
            if over.is_set():
                raise _OverError

        futures: list[Future[None]] = [self._pool.submit(task, check_both) for task in tasks]
        pending = set(futures)
        try:
            while pending:
                done, pending = wait(pending, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                check()
        except Exception as error:
            over.set()
            for future in futures:
                future.cancel()
            if store.is_transient(error) or isinstance(error, (OSError, ClientError)):
                raise store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address) from error
            raise


class _OverError(Exception):
    """Raised in the remaining tasks of a download that has failed."""


class _AsListed(BaseSubscriber):
    """Makes each part of a download ask for the listed ETag and size."""

    def __init__(self, item: store.Object) -> None:
        self._item = item

    def on_queued(self, future: Any, **_: Any) -> None:
        future.meta.provide_transfer_size(self._item.size)
        future.meta.provide_object_etag(self._item.etag)
