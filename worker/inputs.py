"""The inputs of one job: what its parameters and patterns name is brought to disk before FIJI starts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker import s3 as store
from worker.addresses import (
    Address,
    addresses_of,
    collisions,
    names_below,
    read_pattern,
    safe_name,
)
from worker.bulk import Batch
from worker.cache import Cache, Entry
from worker.calls import CALL_ERRORS
from worker.contract import FailureClass, Job, Value
from worker.errors import JobFailed
from worker.transfers import Check, Transfers


@dataclass
class Inputs:
    """A job's inputs on disk. `staging` holds what is this job's alone and moves into its folder later."""

    staging: Path
    #: Parameters whose value becomes a path: absolute in the cache, or relative to the job's folder.
    paths: dict[str, Path] = field(default_factory=dict)
    #: What was used, for the manifest: address, ETag, bytes.
    used: list[dict[str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def parameters(self, job: Job, work: Path) -> dict[str, Value]:
        """Return the script's parameters, inputs replaced by local paths. A "/" at a value's end is kept."""
        values: dict[str, Value] = dict(job.parameters)
        for name, path in self.paths.items():
            end = "/" if str(values[name]).endswith("/") else ""
            values[name] = f"{work / path}{end}"
        return values

    def move_into(self, work: Path) -> None:
        """Move what is staged into a job's folder, on the same disk."""
        for item in self.staging.iterdir():
            item.rename(work / item.name)
        self.staging.rmdir()


class InputFetcher:
    """Brings inputs; `download`: whether metadata values are inputs, or paths in a mounted bucket."""

    def __init__(
        self, s3: Any, transfers: Transfers, cache: Cache, *, source_bucket: str, download: bool
    ) -> None:
        self._s3 = s3
        self._transfers = transfers
        self._cache = cache
        self._source_bucket = source_bucket
        self._download = download

    def fetch(self, job: Job, inputs: Inputs, check: Check) -> None:
        """Bring all inputs of a job, filling `inputs` as it goes. Raises JobFailed with what is missing."""
        wanted = addresses_of(job.parameters, self._source_bucket) if self._download else {}
        for name, address in wanted.items():
            with _failing_as(str(address)):
                self._fetch_value(name, address, inputs, shared=name not in job.metadata, check=check)
        if job.inputs:
            with _failing_as(", ".join(job.inputs)):
                self._fetch_patterns(job, inputs, check)

    def listed(self, job: Job, check: Check) -> dict[str, str]:
        """Return what `fetch` would bring now, without bringing it: ETags by address. Raises JobFailed."""
        found: dict[str, str] = {}
        wanted = addresses_of(job.parameters, self._source_bucket) if self._download else {}
        for name, address in wanted.items():
            with _failing_as(str(address)):
                _, objects, _ = self._find_value(name, address, check)
                found |= _etags(address.bucket, objects)
        for text in job.inputs:
            with _failing_as(text):
                batch, objects = self._match(text, Path(), check)
                found |= _etags(batch.bucket, objects)
        return found

    def release(self, inputs: Inputs) -> None:
        """Give back what the job had from the cache."""
        while inputs.entries:
            self._cache.give_back(inputs.entries.pop())

    def _fetch_value(
        self, name: str, address: Address, inputs: Inputs, *, shared: bool, check: Check
    ) -> None:
        """Bring what one parameter names: an object, or all below a prefix."""
        prefix, objects, last = self._find_value(name, address, check)
        if not last:
            _refuse_collisions(objects)
            entry = self._cache.bring(address.bucket, prefix, objects, check)
            inputs.entries.append(entry)
            inputs.paths[name] = entry.folder
        elif shared:
            entry = self._cache.bring(address.bucket, prefix, objects, check, only=last)
            inputs.entries.append(entry)
            inputs.paths[name] = entry.folder / last
        else:
            place = Path("objects", name)
            self._transfers.fetch(
                Batch(address.bucket, prefix, inputs.staging / place, [last]), objects, check
            )
            inputs.paths[name] = place / last
        inputs.used += _used(address.bucket, objects)

    def _find_value(
        self, name: str, address: Address, check: Check
    ) -> tuple[str, dict[str, store.Object], str]:
        """Return the prefix and the objects (by their names below it) that a parameter's value names.

        The third is the name of the one object; empty where the value names all below the prefix.
        """
        item = None
        if not address.key.endswith("/"):
            item = store.retried(lambda: store.find_object(self._s3, address.bucket, address.key), check)
        if item is not None:
            prefix, _, last = address.key.rpartition("/")
            last = safe_name(last, address.key)
            return f"{prefix}/" if prefix else "", {last: item}, last
        prefix = address.key.rstrip("/") + "/"
        listed = store.retried(lambda: list(store.list_objects(self._s3, address.bucket, prefix)), check)
        if not listed:
            raise JobFailed(
                FailureClass.INPUT_MISSING,
                f"The parameter {name} names {address}, and there is no such file or folder in the bucket.",
            )
        return prefix, names_below(prefix, listed), ""

    def _fetch_patterns(self, job: Job, inputs: Inputs, check: Check) -> None:
        """Bring what the job's patterns match to `input/`, by the names below each pattern's folder."""
        taken: dict[str, str] = {}
        batches = []
        for text in job.inputs:
            batch, objects = self._match(text, inputs.staging / "input", check)
            for name, item in objects.items():
                address = f"s3://{batch.bucket}/{item.key}"
                if taken.setdefault(name, address) != address:
                    raise JobFailed(
                        FailureClass.DOWNLOAD_FAILED,
                        f"Two inputs would be the same file input/{name}: {taken[name]} and {address}.",
                    )
            batches.append((batch, objects))
        _refuse_collisions(taken)
        for batch, objects in batches:
            self._transfers.fetch(batch, objects, check)
            inputs.used += _used(batch.bucket, objects)

    def _match(self, text: str, folder: Path, check: Check) -> tuple[Batch, dict[str, store.Object]]:
        pattern = read_pattern(text, self._source_bucket)
        listed = store.retried(
            lambda: list(store.list_objects(self._s3, pattern.bucket, pattern.prefix)), check
        )
        matching = [item for item in listed if pattern.keys.fullmatch(item.key)]
        objects = names_below(pattern.folder, matching)
        if not objects:
            raise JobFailed(
                FailureClass.INPUT_MISSING,
                f"The input {text!r} matches no file in the bucket {pattern.bucket}.",
            )
        return Batch(pattern.bucket, pattern.folder, folder, list(objects)), objects


@contextlib.contextmanager
def _failing_as(address: str) -> Iterator[None]:
    """Turn what S3 or the disk raises into the job's failure, which names the input."""
    try:
        yield
    except (*CALL_ERRORS, OSError) as error:
        raise store.as_failure(error, FailureClass.DOWNLOAD_FAILED, address) from error


def _refuse_collisions(names: Iterable[str]) -> None:
    if both := collisions(names):
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED,
            f"{both[0]!r} is a file and a folder at once in the bucket, which no disk can hold.",
        )


def _used(bucket: str, objects: Mapping[str, store.Object]) -> list[dict[str, Any]]:
    return [
        {"key": f"s3://{bucket}/{item.key}", "etag": item.etag, "bytes": item.size}
        for item in objects.values()
    ]


def _etags(bucket: str, objects: Mapping[str, store.Object]) -> dict[str, str]:
    return {f"s3://{bucket}/{item.key}": item.etag for item in objects.values()}
