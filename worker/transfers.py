"""Bringing objects to files and files to objects: in process for few, by s5cmd for many, both checked after.

What a program brought and does not hold is brought again in process, where S3 and botocore check it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError

from worker import s3 as store
from worker.bulk import LARGE, MANY, Batch, Bulk
from worker.checksums import Digests, digests_of, etag_fits, md5_of
from worker.clients import TRANSFER_THREADS
from worker.contract import FailureClass
from worker.contract_flags import UploadFlags
from worker.errors import JobFailed

Check = Callable[[], None]
CHUNK = 256 * 1024
#: `classic`: the CRT client ignores custom endpoints.
LARGE_FILES = TransferConfig(
    multipart_threshold=LARGE,
    multipart_chunksize=16 * 2**20,
    max_concurrency=6,
    preferred_transfer_client="classic",
)


@dataclass(frozen=True)
class Sent:
    """A file that stands in the bucket."""

    key: str
    size: int
    etag: str
    sha256: str


class CheckedFile(io.FileIO):
    """A file to upload that asks `check` before each reading: no attempt of botocore's outlives a lease."""

    def __init__(self, path: Path, check: Check) -> None:
        super().__init__(path)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        self._check()
        return super().read(size)  # type: ignore[arg-type,return-value]


class Transfers:
    """All transfers of one worker. `check` is called throughout and may raise to end a transfer at once."""

    def __init__(self, s3: Any, bulk: Bulk, flags: UploadFlags) -> None:
        self._s3 = s3
        self._bulk = bulk
        self._flags = flags
        # Two pools, so that a long download holds up no upload.
        self._down = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="download")
        self._up = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="upload")
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
        _run_all(
            self._down,
            tasks,
            check,
            lambda error: store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address),
        )
        if in_bulk and self._lacking(batch, {name: objects[name] for name in missing}, check):
            self._opaque.add(batch.bucket)

    def send(self, batch: Batch, check: Check) -> list[Sent]:
        """Bring the batch's files to objects and return them as they stand in the bucket.

        Raises JobFailed when one cannot be sent.
        """
        names = self._for_a_program(batch)
        program = self._up.submit(self._send_by_program, batch, names, check)
        try:
            digests = {name: digests_of(batch.folder / name, check) for name in batch.names}
        finally:
            wait([program])
        ended_well = program.result()
        etags = self._standing(batch, digests, names, check)
        if self._flags.needs_aws and not (ended_well and len(etags) == len(names)):
            raise self._refused_by_aws(batch)

        def send(name: str) -> tuple[str, str]:
            return name, self._send_one(batch, name, digests[name], check)

        rest = [name for name in batch.names if name not in etags]
        tasks = [lambda name=name: send(name) for name in rest]  # type: ignore[misc]
        address = f"s3://{batch.bucket}/{batch.prefix}"
        etags |= dict(
            _run_all(
                self._up,
                tasks,
                check,
                lambda error: store.as_failure(error, FailureClass.UPLOAD_FAILED, address),
                # No file may land after this job is another worker's.
                to_the_end=True,
            )
        )
        return [
            Sent(batch.prefix + name, digests[name].size, etags[name], digests[name].sha256)
            for name in batch.names
        ]

    def close(self) -> None:
        """Let no new transfer begin; those that run are not waited for."""
        self._down.shutdown(wait=False, cancel_futures=True)
        self._up.shutdown(wait=False, cancel_futures=True)

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

    def _for_a_program(self, batch: Batch) -> list[str]:
        """Return the files that a program should send."""
        if self._flags.needs_aws:
            return list(batch.names)
        small = [name for name in batch.names if (batch.folder / name).stat().st_size < LARGE]
        return small if len(small) >= MANY and self._bulk.has_s5cmd else []

    def _send_by_program(self, batch: Batch, names: list[str], check: Check) -> bool:
        """Send files by the program that knows all the flags; return whether it ended well."""
        if self._flags.needs_aws:
            # Nothing else may send these files then.
            return self._bulk.copy_up(batch, self._flags, check)
        whole = batch.whole and len(names) == len(batch.names)
        return not names or self._bulk.send(replace(batch, names=names, whole=whole), self._flags, check)

    def _refused_by_aws(self, batch: Batch) -> JobFailed:
        flags = " ".join(self._flags.words)
        return JobFailed(
            FailureClass.UPLOAD_FAILED,
            f"The outputs could not be uploaded to s3://{batch.bucket}/{batch.prefix} by `aws s3 cp {flags}`;"
            " look whether UPLOAD_FLAGS and the role's permissions are right.",
        )

    def _standing(
        self, batch: Batch, digests: Mapping[str, Digests], names: Sequence[str], check: Check
    ) -> dict[str, str]:
        """Return the ETags of those files that stand in the bucket with their size and checksum."""
        if not names:
            return {}
        keys = [batch.prefix + name for name in names]
        items = store.retried(lambda: list(store.find_objects(self._s3, batch.bucket, keys)), check)
        found = {item.key[len(batch.prefix) :]: item for item in items}
        return {
            name: item.etag
            for name, item in found.items()
            if item.size == digests[name].size
            and (batch.bucket in self._opaque or etag_fits(item.etag, digests[name].md5))
        }

    def _send_one(self, batch: Batch, name: str, digests: Digests, check: Check) -> str:
        """Send one file in process, where its checksum goes along and S3 refuses what does not fit."""
        path, key = batch.folder / name, batch.prefix + name
        arguments = self._flags.arguments

        def attempt() -> str:
            check()
            if digests.size >= LARGE:
                self._large(
                    lambda manager: manager.upload(str(path), batch.bucket, key, extra_args=arguments), check
                )
                return self._s3.head_object(Bucket=batch.bucket, Key=key)["ETag"]
            with CheckedFile(path, check) as body:
                return self._s3.put_object(Bucket=batch.bucket, Key=key, Body=body, **arguments)["ETag"]

        etag = store.retried(attempt, check)
        if not etag_fits(etag, digests.md5):
            self._opaque.add(batch.bucket)
        return etag

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


def _run_all(
    pool: ThreadPoolExecutor,
    tasks: Iterable[Callable[[], Any]],
    check: Check,
    as_failure: Callable[[Exception], JobFailed],
    *,
    to_the_end: bool = False,
) -> list[Any]:
    """Run tasks on a pool and return what they return; the first error ends all.

    `to_the_end`: none runs on after that; each ends soon, as it asks `check`.
    """
    futures: list[Future[Any]] = [pool.submit(task) for task in tasks]
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=0.1, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            check()
    except Exception as error:
        for future in futures:
            future.cancel()
        if to_the_end:
            wait(futures)
        if store.is_transient(error) or isinstance(error, (OSError, ClientError)):
            raise as_failure(error) from error
        raise
    return [future.result() for future in futures]
