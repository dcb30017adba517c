"""Which objects jobs name as inputs, and how large they are: one listing for what begins alike."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from worker.contract.inputs import Address, InvalidAddress, addresses_in, read_patterns
from worker.contract.jobs import Job
from worker.contract.patterns import Glob, common_start

#: So many folders are listed one by one; of more, all that begins like them.
MOST_LISTINGS = 100


class Input(NamedTuple):
    """An object in S3."""

    bucket: str
    key: str


#: Yields keys and sizes of the objects in a bucket that begin with a prefix.
ListObjects = Callable[[str, str], Iterable[tuple[str, int]]]


@dataclass(frozen=True)
class _Start:
    """What wanted keys begin with: those that match, or else the key itself and what is below it."""

    bucket: str
    prefix: str
    glob: Glob | None = None

    def wants(self, key: str) -> bool:
        if self.glob:
            return self.glob.matches(key)
        return key == self.prefix or key.startswith(self.prefix.rstrip("/") + "/")


class InputSizes:
    """The inputs of some jobs, as the listings of their buckets had them."""

    def __init__(self, jobs: Iterable[Job], source_bucket: str, list_objects: ListObjects) -> None:
        self._source_bucket = source_bucket
        folders: dict[str, dict[str, set[str]]] = {}
        for job in jobs:
            for start in (start for starts in self._wanted(job) for start in starts):
                folder = start.prefix[: start.prefix.rfind("/") + 1]
                folders.setdefault(start.bucket, {}).setdefault(folder, set()).add(start.prefix)
        #: Whether any job names an input.
        self.wanted = bool(folders)
        self._sizes: dict[str, dict[str, int]] = {}
        for bucket, below in folders.items():
            found = (item for prefix in _prefixes(below) for item in list_objects(bucket, prefix))
            self._sizes[bucket] = dict(sorted(found))
        self._keys = {bucket: list(sizes) for bucket, sizes in self._sizes.items()}

    def of(self, job: Job) -> dict[Input, int]:
        """Return a job's inputs with their bytes; what is missing is missing here, too."""
        found: dict[Input, int] = {}
        for starts in self._wanted(job):
            # The first way to read a pattern or an address that leads anywhere is meant, as for workers.
            found |= next(filter(None, map(self._matching, starts)), {})
        return found

    def _matching(self, start: _Start) -> dict[Input, int]:
        keys, sizes = self._keys[start.bucket], self._sizes[start.bucket]
        matching = {}
        for place in range(bisect_left(keys, start.prefix), len(keys)):
            key = keys[place]
            if not key.startswith(start.prefix):
                break
            if start.wants(key):
                matching[Input(start.bucket, key)] = sizes[key]
        return matching

    def _wanted(self, job: Job) -> Iterator[list[_Start]]:
        """Yield for each of a job's inputs the ways to read it."""
        for text in job.inputs:
            patterns = read_patterns(text, self._source_bucket)
            yield [_Start(one.bucket, one.prefix, one.glob) for one in patterns]
        for value in (*job.parameters.values(), *job.answers.values()):
            try:
                items = addresses_in(value, self._source_bucket) or []
            except InvalidAddress:
                continue
            for item in items:
                if isinstance(item, Address):
                    yield [_Start(item.bucket, key) for key in (item.key, *item.otherwise)]


def _prefixes(folders: dict[str, set[str]]) -> list[str]:
    """Return what to list so that all these starts, by their folders, are among it, and none twice."""
    prefixes = sorted(common_start(starts) for starts in folders.values())
    if len(prefixes) > MOST_LISTINGS:
        prefixes = [common_start(prefixes)]
    kept: list[str] = []
    for prefix in prefixes:
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept
