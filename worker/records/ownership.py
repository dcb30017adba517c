"""Whether an output may replace an existing object. This is decided only here.

Two jobs of a run never share an output: the second fails, and names the first. What an earlier run left, or
the same job, may be replaced. An object that no job wrote may be an input, so it stays if it is an input of
this job, or is beside one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.contract.jobs import FailureClass, job_name
from worker.errors import JobFailed
from worker.records.ledger import Ledger
from worker.records.marks import Mark, read_mark
from worker.records.runbook import RunBook, has_open_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class ExistingObject:
    """An object where an output is to go.

    By S3's clock: `changed` in seconds since 1970, and `silent_seconds` before it was looked at.
    """

    bucket: str
    key: str
    etag: str
    changed: float
    metadata: Mapping[str, str] = field(default_factory=dict)
    silent_seconds: float = 0.0

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def mark(self) -> Mark | None:
        return read_mark(self.metadata)


@dataclass(frozen=True)
class Writer:
    """Who wants to write: its mark, its script, the job's metadata, and the addresses of its inputs."""

    mark: Mark
    script_sha256: str
    metadata: Mapping[str, Any]
    inputs: Collection[str] = ()

    @property
    def input_folders(self) -> set[str]:
        return {address.rpartition("/")[0] for address in self.inputs}


class Ownership:
    """Decides for one worker. `queue_created`: when the queue was created (seconds since 1970)."""

    def __init__(
        self, s3: S3Client, ledger: Ledger, book: RunBook, queue_created: Callable[[], float]
    ) -> None:
        self._s3 = s3
        self._ledger = ledger
        self._book = book
        self._queue_created = queue_created

    def refuse_inputs(self, addresses: Collection[str], writer: Writer) -> None:
        """Raise JobFailed if outputs would replace inputs of their own job."""
        if both := sorted(set(addresses) & set(writer.inputs)):
            raise _taken(f"{both[0]} is an input of this job, and an output would overwrite it.")

    def refuse(self, standing: ExistingObject, writer: Writer) -> None:
        """Raise JobFailed unless an existing object may be replaced."""
        other = standing.mark
        if other is None:
            if _parent(standing.address) in writer.input_folders and not self._is_own(standing, writer):
                raise _taken(
                    f"{standing.address} is beside this job's inputs, and no job wrote it, so it may be"
                    " another job's input. Choose another output_file_location, or remove the file."
                )
        elif not is_same_job(other, writer.mark) and self._of_one_run(standing, other, writer):
            raise _taken(told(standing, other, writer))

    def _of_one_run(self, standing: ExistingObject, other: Mark, writer: Writer) -> bool:
        mine = writer.mark
        if standing.changed >= int(self._queue_created()):
            return True
        if (other.app, other.state) != (mine.app, mine.state):
            return has_open_run(self._s3, other.state, other.app)
        if (shared := self._book.share_run(mine.job, other.job)) is not None:
            return shared
        # Not sent by submitJob: anything that is still valid is then taken for a job of this run.
        return self._lists(other.job, standing, writer.script_sha256)

    def _is_own(self, standing: ExistingObject, writer: Writer) -> bool:
        """Whether an earlier version, which left no marks, wrote an object for the same job."""
        return self._lists(writer.mark.job, standing)

    def _lists(self, job: str, standing: ExistingObject, script_sha256: str | None = None) -> bool:
        """Whether a job's manifest, of this script if one is given, lists an object as it is now."""
        found = self._ledger.manifest(job)
        document = found[0] if found else {}
        if script_sha256 is not None and document.get("script_sha256") != script_sha256:
            return False
        return any(
            isinstance(entry, dict) and (entry.get("key"), entry.get("etag")) == (standing.key, standing.etag)
            for entry in document.get("outputs") or []
        )


def told(standing: ExistingObject, other: Mark, writer: Writer) -> str:
    """Say whose output it is already, and how to keep the two jobs apart."""
    differing = (name for name, value in writer.metadata.items() if job_name({name: value}) not in other.name)
    braces = f"{{{next(differing, 'Well')}}}"
    whose = f"the job {other.name or other.job}"
    if other.app != writer.mark.app:
        whose += f" of the app {other.app}"
    return (
        f"{standing.address} is already an output of {whose}, and two jobs of a run cannot share an"
        f" output. Put {braces} into output_file_location, or use it in the script's file names."
    )


def _taken(sentence: str) -> JobFailed:
    return JobFailed(FailureClass.OUTPUTS_TAKEN, sentence)


def is_same_job(other: Mark, mine: Mark) -> bool:
    """Whether two marks are of one job of one app; of the same run of it, or of different ones."""
    return (other.app, other.state, other.job) == (mine.app, mine.state, mine.job)


def _parent(address: str) -> str:
    return address.rpartition("/")[0]
