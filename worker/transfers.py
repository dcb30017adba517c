"""Bringing objects to files: in process for few, by s5cmd for many, both checked after.

What a program brought and does not hold is brought again in process, where S3 and botocore check it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager

from worker import s3 as store
from worker.bulk import LARGE, MANY, Batch, Bulk
from worker.checksums import etag_fits, md5_of
from worker.clients import TRANSFER_THREADS
from worker.contract import FailureClass
from worker.tasks import run_all

Check = Callable[[], None]
CHUNK = 256 * 1024
#: `classic`: the CRT client ignores custom endpoints.
LARGE_FILES = TransferConfig(
    multipart_threshold=LARGE,
    multipart_chunksize=16 * 2**20,
    max_concurrency=6,
    preferred_transfer_client="classic",
)


class Transfers:
    """All downloads of one worker. `check` is called throughout and may raise to end a transfer at once."""

    def __init__(self, s3: Any, bulk: Bulk) -> None:
        self._s3 = s3
        self._bulk = bulk
        self._down = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="download")
        # Buckets with KMS: their ETags look like MD5s and are none. Learnt from what S3 itself checked.
        self._opaque: set[str] = set()

    def fetch(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> None:
        """Bring `objects` (by their names in the batch) to files. Raises JobFailed when one cannot be had."""
        address = f"s3://{batch.bucket}/{batch.prefix}"
        try:
            for folder in {(batch.folder / name).parent for name in objects}:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address) from error
        missing = list(objects)
        in_bulk = len(missing) >= MANY
        if in_bulk:
            self._fetch_in_bulk(batch, objects, check)
            missing = self._lacking(batch, objects, check)

        def fetch(name: str) -> None:
            self._fetch_one(batch.bucket, objects[name], batch.folder / name, check)

        tasks = [lambda name=name: fetch(name) for name in missing]  # type: ignore[misc]
        run_all(
            self._down,
            tasks,
            check,
            lambda error: store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address),
        )
        if in_bulk and self._lacking(batch, {name: objects[name] for name in missing}, check):
            self._opaque.add(batch.bucket)

    def close(self) -> None:
        """Let no new transfer begin; those that run are not waited for."""
        self._down.shutdown(wait=False, cancel_futures=True)

    def _fetch_in_bulk(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> None:
        small = [name for name, item in objects.items() if item.size < LARGE]
        if self._bulk.has_s5cmd:
            whole = batch.whole and len(small) == len(objects)
            self._bulk.fetch(replace(batch, names=small, whole=whole), check)
        elif batch.whole:
            self._bulk.sync(batch, check)

    def _fetch_one(self, bucket: str, item: store.Object, path: Path, check: Check) -> None:
        def attempt() -> None:
            if item.size >= LARGE:
                self._large(lambda manager: manager.download(bucket, item.key, str(path)), check)
                return
            body = self._s3.get_object(Bucket=bucket, Key=item.key)["Body"]
            with path.open("wb") as file:
                for chunk in body.iter_chunks(CHUNK):
                    check()
                    file.write(chunk)

        store.retried(attempt, check)

    def _lacking(self, batch: Batch, objects: Mapping[str, store.Object], check: Check) -> list[str]:
        """Return the names whose files do not hold their objects' bytes."""
        held = self._down.map(lambda name: self._holds(batch, objects[name], name, check), objects)
        return [name for name, holds in zip(objects, held, strict=True) if not holds]

    def _holds(self, batch: Batch, item: store.Object, name: str, check: Check) -> bool:
        """Whether a file has an object's bytes, as far as its ETag tells."""
        path = batch.folder / name
        if not path.is_file() or path.stat().st_size != item.size:
            return False
        return batch.bucket in self._opaque or etag_fits(item.etag, md5_of(path, check))

    def _large(self, begin: Callable[[Any], Any], check: Check) -> None:
        """Transfer one large file in parts; leaving the block by an exception breaks it off."""
        with create_transfer_manager(self._s3, LARGE_FILES) as manager:
            future = begin(manager)
            while not future.done():
                check()
                time.sleep(0.05)
            future.result()
