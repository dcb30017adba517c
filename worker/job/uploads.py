"""Upload outputs, each under a condition: no object is replaced that another job or a person needs.

A new key costs one request. An existing object is looked at first, and replaced only as it was seen. What is
uploaded is what was judged: a file that changes in the meantime fails the job.
"""

from __future__ import annotations

import contextlib
import io
import mimetypes
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker.aws.clients import UPLOAD_THREADS
from worker.contract.flags import UploadFlags
from worker.contract.jobs import FailureClass
from worker.errors import JobFailed
from worker.job.claim import LOOK_SECONDS, Turn
from worker.records.ownership import ExistingObject, Ownership, Writer
from worker.records.records import Sent
from worker.storage import s3 as store
from worker.storage.checksums import Digests, digests_of
from worker.storage.multipart import LARGE, Begun, Multipart, bare, is_opaque
from worker.storage.outputs import Output, identity_of
from worker.storage.tasks import run_all

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Check = Callable[[], None]
Conditions = Mapping[str, str]

#: Files up to this size are sent from memory: read once, with no round trip before their bytes.
SMALL = 1024 * 1024
#: How often others may write a key between our look at it and our write.
OVERTAKINGS = 5
#: S3's error codes when a condition does not hold, or the answer to an earlier attempt was lost.
NOT_AS_EXPECTED = ("PreconditionFailed", "412", "NoSuchKey", "404", "NoSuchUpload")


@dataclass(frozen=True)
class Parcel:
    """A job's outputs, where they go (`prefix` before their names), and who writes them."""

    bucket: str
    prefix: str
    outputs: Sequence[Output]
    writer: Writer

    def key(self, output: Output) -> str:
        return self.prefix + output.name


class CheckedFile(io.FileIO):
    """A file to upload that calls `check` before each read, so no attempt of botocore's outlives a lease."""

    def __init__(self, path: Path, check: Check) -> None:
        super().__init__(path)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        self._check()
        return super().read(size)


class Uploads:
    """All uploads of one worker.

    `check` is called throughout and may raise to end an upload at once. `large`: size in bytes from which a
    file is sent in parts.
    """

    def __init__(
        self,
        s3: S3Client,
        flags: UploadFlags,
        ownership: Ownership,
        large: int = LARGE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._sleep = sleep
        self._flags = flags
        self._ownership = ownership
        self._pool = ThreadPoolExecutor(UPLOAD_THREADS, thread_name_prefix="upload")
        self._multipart = Multipart(s3)
        self._large_bytes = large
        # One at a time: its parts use memory, and the whole connection.
        self._large = threading.Lock()
        #: Whether the last key held something already. A look then comes first, because this is most likely a
        #: re-run.
        self._looks_first = False

    def send(self, parcel: Parcel, turn: Turn, check: Check) -> list[Sent]:
        """Upload a job's outputs and return them as they are in the bucket.

        `check` includes the turn's. Raises JobFailed if one cannot be sent, and what the turn raises. When it
        returns or raises, no upload is under way any more.
        """
        addresses = [f"s3://{parcel.bucket}/{parcel.key(output)}" for output in parcel.outputs]
        self._ownership.refuse_inputs(addresses, parcel.writer)
        alone = 1 if turn.is_first else 0
        sent = self._send_all(parcel, parcel.outputs[:alone], turn, check)
        return sent + self._send_all(parcel, parcel.outputs[alone:], turn, check)

    def may_go_first(self, parcel: Parcel) -> bool:
        """Whether a first turn fits these outputs: there are some, and none is sent in parts."""
        sizes = [output.size for output in parcel.outputs]
        return bool(sizes) and max(sizes) < self._large_bytes

    def _send_all(self, parcel: Parcel, outputs: Sequence[Output], turn: Turn, check: Check) -> list[Sent]:
        tasks = [lambda output=output: self._send(parcel, output, turn, check) for output in outputs]
        address = f"s3://{parcel.bucket}/{parcel.prefix}"
        return run_all(
            self._pool,
            tasks,
            check,
            lambda error: store.as_failure(error, FailureClass.UPLOAD_FAILED, address),
            # No file may arrive after this job has passed to another worker.
            to_the_end=True,
        )

    def _send(self, parcel: Parcel, output: Output, turn: Turn, check: Check) -> Sent:
        check()
        place = {"Bucket": parcel.bucket, "Key": parcel.key(output)}
        source = _Source(output, check)
        standing = self._look(place, check) if output.size >= self._large_bytes or self._looks_first else None
        for _ in range(OVERTAKINGS):
            if standing is not None and source.is_sent_as(standing, parcel.writer):
                return _sent(source, place, standing.etag)
            while standing is not None and not turn.may_replace(standing, parcel.writer.mark):
                check()
                self._sleep(LOOK_SECONDS)
                standing = self._look(place, check)
            conditions = self._conditions(standing, parcel.writer, check)
            try:
                return _sent(source, place, self._put(source, place, parcel, conditions))
            except ClientError as error:
                if store.error_code(error) not in NOT_AS_EXPECTED:
                    raise
            standing = self._look(place, check)
        sentence = f"s3://{parcel.bucket}/{place['Key']} was repeatedly overwritten by others."
        raise JobFailed(FailureClass.UPLOAD_FAILED, sentence)

    def _look(self, place: Mapping[str, str], check: Check) -> ExistingObject | None:
        standing = store.retried(lambda: find_standing(self._s3, **place), check)
        self._looks_first = standing is not None
        return standing

    def _conditions(self, standing: ExistingObject | None, writer: Writer, check: Check) -> Conditions:
        """Return the condition under which a key may be written. Raises JobFailed if it may not be."""
        if standing is None:
            return {"IfNoneMatch": "*"}
        store.retried(lambda: self._ownership.refuse(standing, writer), check)
        return {"IfMatch": standing.etag}

    def _put(self, source: _Source, place: Mapping[str, str], parcel: Parcel, conditions: Conditions) -> str:
        """Write one object from its file; return its ETag."""
        arguments = {**place, **self._arguments(parcel, source.output.name)}
        if source.output.size < self._large_bytes:
            answer = store.retried(lambda: source.put(self._s3, {**arguments, **conditions}), source.check)
        else:
            with self._alone(source.check):
                answer = source.put_in_parts(self._multipart, arguments, conditions)
        source.expect_unchanged()
        if bare(answer["ETag"]) != source.etag and not is_opaque(answer):
            raise JobFailed(
                FailureClass.UPLOAD_FAILED,
                f"s3://{place['Bucket']}/{place['Key']} is not what was sent: its ETag is {answer['ETag']}.",
            )
        return str(answer["ETag"])

    def _arguments(self, parcel: Parcel, name: str) -> dict[str, Any]:
        """Return the UPLOAD_FLAGS and the job's mark; as with `aws s3 cp`, the name gives the type."""
        arguments = dict(self._flags.arguments)
        arguments["Metadata"] = {**arguments.get("Metadata", {}), **parcel.writer.mark.metadata}
        kind, encoding = mimetypes.guess_type(name)
        if kind and not encoding and self._flags.guesses_type:
            arguments.setdefault("ContentType", kind)
        return arguments

    @contextlib.contextmanager
    def _alone(self, check: Check) -> Iterator[None]:
        while not self._large.acquire(timeout=0.2):
            check()
        try:
            yield
        finally:
            self._large.release()


class _Source:
    """An output to be sent: its bytes are read, hashed and sent as those of the file that was judged."""

    def __init__(self, output: Output, check: Check) -> None:
        self.output = output
        self.check = check
        self._begun: Begun | None = None

    @cached_property
    def _data(self) -> bytes | None:
        """The bytes of a small file; None for a larger one."""
        return self.output.path.read_bytes() if self.output.size <= SMALL else None

    @cached_property
    def digests(self) -> Digests:
        if self._begun:
            return self._begun.digests
        found = digests_of(self._data if self._data is not None else self.output.path, self.check)
        if found.size != self.output.size:
            self.expect_unchanged()
        return found

    @property
    def etag(self) -> str:
        """The ETag that the object must have, if it depends on the content alone."""
        return self._begun.etag if self._begun else self.digests.md5

    def is_sent_as(self, standing: ExistingObject, writer: Writer) -> bool:
        """Whether this very run has written the object already, and the answer was lost."""
        return standing.mark == writer.mark and bare(standing.etag) == self.etag

    def put(self, s3: S3Client, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Send the file in one request, with its checksum: S3 refuses it if they differ."""
        self.check()
        if "ChecksumAlgorithm" not in arguments:
            arguments["ChecksumSHA256"] = b64encode(bytes.fromhex(self.digests.sha256)).decode()
        try:
            if self._data is not None:
                return s3.put_object(Body=self._data, **arguments)
            with CheckedFile(self.output.path, self.check) as body:
                return s3.put_object(Body=body, **arguments)
        except ClientError:
            self.expect_unchanged()
            raise

    def put_in_parts(
        self, multipart: Multipart, arguments: dict[str, Any], conditions: Conditions
    ) -> Mapping[str, Any]:
        """Send the file in parts, hashing as they go."""
        self._begun = multipart.begin(self.output.path, self.output.size, arguments, self.check)
        vars(self).pop("digests", None)

        def check() -> None:
            self.check()
            self.expect_unchanged()

        return multipart.complete(self._begun, conditions, check)

    def expect_unchanged(self) -> None:
        """Raise JobFailed if the file is not the one that was judged."""
        try:
            unchanged = identity_of(self.output.path.lstat()) == self.output.identity
        except OSError:
            unchanged = False
        if not unchanged:
            raise changed(self.output.name)


def changed(name: str) -> JobFailed:
    """Return the failure of a job whose output changed after its script had ended."""
    sentence = (
        f"output/{name} changed during its upload: something still writes to it after the script ended."
    )
    return JobFailed(FailureClass.UPLOAD_FAILED, sentence)


def find_standing(s3: S3Client, Bucket: str, Key: str) -> ExistingObject | None:
    """Return the object at a key, or None."""
    try:
        answer = s3.head_object(Bucket=Bucket, Key=Key)
    except ClientError as error:
        if store.error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    changed_at = answer["LastModified"].timestamp()
    return ExistingObject(
        Bucket, Key, answer["ETag"], changed_at, answer.get("Metadata", {}), store.age_of(answer)
    )


def _sent(source: _Source, place: Mapping[str, str], etag: str) -> Sent:
    return Sent(place["Key"], source.output.size, etag, source.digests.sha256)
