"""Upload one large file in parts, hashing it as it is read, so the checksums are of what is sent."""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.calls import CALL_ERRORS
from worker.contract.jobs import FailureClass
from worker.errors import JobFailed
from worker.storage import s3 as store
from worker.storage.checksums import Digests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, UploadPartOutputTypeDef

Check = Callable[[], None]

#: Files of at least this size are uploaded in parts.
LARGE = 64 * 2**20
#: The size of a part, or more if S3's limit of 10,000 parts requires it. PARTS_AT_ONCE of them, and one more,
#: are in memory.
PART = 8 * 2**20
MOST_PARTS = 10_000
PARTS_AT_ONCE = 3

#: Arguments that apply to the whole object when the upload is created, and to each part as well.
OF_PARTS = ("RequestPayer", "ChecksumAlgorithm")


@dataclass(frozen=True)
class Begun:
    """An upload whose parts have all been sent. `etag` has no quotation marks."""

    place: Mapping[str, Any]
    parts: list[CompletedPartTypeDef]
    digests: Digests
    etag: str


class Multipart:
    """Uploads files in parts, with a thread pool of its own."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3
        self._pool = ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="upload-part")

    def begin(self, path: Path, size: int, arguments: Mapping[str, Any], check: Check) -> Begun:
        """Send all parts of a file. Leaving the block with an exception aborts the upload."""
        answer = store.retried(lambda: self._s3.create_multipart_upload(**arguments), check)
        place = {**{name: arguments[name] for name in ("Bucket", "Key")}, "UploadId": answer["UploadId"]}
        shared = {name: arguments[name] for name in OF_PARTS if name in arguments}
        with self._taken_back(place):
            return self._send_parts(path, max(PART, -(-size // MOST_PARTS)), place, shared, check)

    def complete(self, begun: Begun, conditions: Mapping[str, Any], check: Check) -> Mapping[str, Any]:
        """Complete the upload and return S3's answer. `check` may raise before that."""
        with self._taken_back(begun.place):
            check()
            return store.retried(
                lambda: self._s3.complete_multipart_upload(
                    **begun.place, **conditions, MultipartUpload={"Parts": begun.parts}
                ),
                check,
            )

    @contextlib.contextmanager
    def _taken_back(self, place: Mapping[str, Any]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(*CALL_ERRORS):
                self._s3.abort_multipart_upload(**place)
            raise

    def _send_parts(
        self, path: Path, part: int, place: Mapping[str, Any], shared: Mapping[str, Any], check: Check
    ) -> Begun:
        """Read a file once, part by part, while earlier parts are sent.

        No part is in flight when this returns.
        """
        md5, sha256, of_parts = _md5(), hashlib.sha256(), _md5()
        futures: list[Future[CompletedPartTypeDef]] = []
        on_their_way: deque[Future[CompletedPartTypeDef]] = deque()
        size = 0
        try:
            with path.open("rb") as file:
                while data := file.read(part):
                    check()
                    for digest in (md5, sha256):
                        digest.update(data)
                    of_parts.update(_md5(data).digest())
                    size += len(data)
                    number = len(futures) + 1
                    futures.append(self._pool.submit(self._send_part, number, data, place, shared, check))
                    on_their_way.append(futures[-1])
                    while len(on_their_way) > PARTS_AT_ONCE:
                        on_their_way.popleft().result()
            parts = [future.result() for future in futures]
        finally:
            for future in on_their_way:
                future.cancel()
            wait(futures)
        etag = f"{of_parts.hexdigest()}-{len(parts)}"
        return Begun(place, parts, Digests(size, md5.hexdigest(), sha256.hexdigest()), etag)

    def _send_part(
        self, number: int, data: bytes, place: Mapping[str, Any], shared: Mapping[str, Any], check: Check
    ) -> CompletedPartTypeDef:
        def attempt() -> UploadPartOutputTypeDef:
            check()
            return self._s3.upload_part(**place, **shared, PartNumber=number, Body=data)

        answer = store.retried(attempt, check)
        if bare(answer["ETag"]) != _md5(data).hexdigest() and not is_opaque(answer):
            sentence = f"Part {number} of s3://{place['Bucket']}/{place['Key']} is not what was sent."
            raise JobFailed(FailureClass.UPLOAD_FAILED, sentence)
        checksums: Any = {
            name: value
            for name, value in answer.items()
            if name.startswith("Checksum") and isinstance(value, str)
        }
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": answer["ETag"]}
        part.update(checksums)
        return part


def bare(etag: str) -> str:
    """Return an ETag without its quotation marks."""
    return etag.strip('"')


def is_opaque(answer: Mapping[str, Any]) -> bool:
    """Whether an object's ETag says nothing about its content: it is encrypted with KMS or a customer's key.

    Only then is an upload's ETag not an MD5, or the MD5 of its parts' MD5s (S3 API reference, "Object").
    """
    return str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or bool(
        answer.get("SSECustomerAlgorithm")
    )


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)
