"""Find the inputs that jobs name, using few listings of their buckets. Pure: the listing is an argument.

`check` decides from them whether anything is missing; `rehearse` adds up their bytes.
"""

from __future__ import annotations

import contextlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.contract.inputs import Address, InvalidAddress, Pattern, addresses_in, read_patterns
from worker.contract.jobs import Job
from worker.contract.patterns import common_start

MAY_BE = re.compile(r"s3://|/bucket/", re.IGNORECASE)
LAST = "\U0010ffff"

#: How many inputs' places are remembered.
MOST_KNOWN = 10_000

#: A bucket, and the beginning of keys in it.
Start = tuple[str, str]
#: A bucket, the beginning of keys, and a test of whether a key is meant.
Place = tuple[str, str, Callable[[str], bool]]
#: Yields the keys with a beginning, in order, each with its bytes and whether it must be restored first.
ListKeys = Callable[[str, str], Iterable[tuple[str, int, bool]]]


class Input(NamedTuple):
    """An object in S3."""

    bucket: str
    key: str


class Need(NamedTuple):
    """An input as the job file has it, and the places that it may mean. The first with any keys is meant."""

    text: str
    places: tuple[Place, ...]


@dataclass
class Listing:
    """The keys that begin with a text, in order, with their bytes. `archived`: those to be restored first."""

    keys: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    archived: set[str] = field(default_factory=set)

    def between(self, start: str) -> range:
        """Return the places of all keys that begin with a text."""
        return range(bisect_left(self.keys, start), bisect_left(self.keys, start + LAST))


#: Where an input was found: a bucket, its listing, and the key's place in it.
Found = tuple[str, Listing, int]


class TooMany(Exception):
    """Raised when there are too many keys for a command's time; the text says what there is too much of."""


@dataclass(frozen=True)
class ListingLimits:
    """How much is listed and compared.

    `listings`: the most per bucket; if there are more folders, those with a common beginning are listed
    together. `keys`: the most in one listing. `compared`: the most keys to compare with patterns in total.
    """

    listings: int = 100
    keys: int | None = None
    compared: int | None = None


NO_LIMITS = ListingLimits()


class ListedInputs:
    """The inputs of some jobs, found in few listings. Each is looked up once.

    `values`: whether metadata values and answers are inputs too. Raises TooMany.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        source_bucket: str,
        list_keys: ListKeys,
        *,
        values: bool,
        limits: ListingLimits = NO_LIMITS,
    ) -> None:
        self._source_bucket, self._values, self._limits = source_bucket, values, limits
        self._known: dict[tuple[str, tuple[Start, ...]], list[Found]] = {}
        self._compared = 0
        folders: dict[Start, str] = {}
        for bucket, start in (start for job in jobs for need in self.needs(job) for start in _starts(need)):
            folder = bucket, start[: start.rfind("/") + 1]
            known = folders.setdefault(folder, start)
            if not start.startswith(known):
                folders[folder] = common_start((known, start))
        #: Whether any job names an input.
        self.wanted = bool(folders)
        starts = ((bucket, start) for (bucket, _), start in folders.items())
        self._listings = {
            start: _read(list_keys(*start), limits.keys) for start in listings_for(starts, limits.listings)
        }

    def needs(self, job: Job) -> Iterator[Need]:
        """Yield a job's inputs: its patterns, and those of its values that are addresses."""
        for text in job.inputs:
            with contextlib.suppress(InvalidAddress):
                yield _pattern(text, self._source_bucket)
        for value in (*job.parameters.values(), *job.answers.values()) if self._values else ():
            # Few of a million values are addresses; only those are parsed.
            if not isinstance(value, (str, list)) or not MAY_BE.search(str(value)):
                continue
            with contextlib.suppress(InvalidAddress):
                items = addresses_in(value, self._source_bucket) or []
                yield from (_address(item) for item in items if isinstance(item, Address))

    def find(self, need: Need) -> list[Found]:
        """Return where all keys are that an input means. Raises TooMany."""
        # A pattern and an address may have the same text but mean different keys.
        known = need.text, _starts(need)
        if known not in self._known:
            if len(self._known) == MOST_KNOWN:
                self._known.clear()
            found: list[Found] = []
            for bucket, start, fits in need.places:
                found = found or [(bucket, *one) for one in self._matches(bucket, start, fits)]
            self._known[known] = found
        return self._known[known]

    def _matches(self, bucket: str, start: str, fits: Callable[[str], bool]) -> Iterator[tuple[Listing, int]]:
        listing = self.listing(bucket, start)
        if listing is None:
            return
        for place in listing.between(start):
            self._compared += 1
            if self._limits.compared is not None and self._compared > self._limits.compared:
                raise TooMany("too many keys for these patterns")
            if fits(listing.keys[place]):
                yield listing, place

    def sizes(self, job: Job) -> dict[Input, int]:
        """Return a job's inputs with their bytes, without missing ones. Raises TooMany."""
        return {
            Input(bucket, listing.keys[place]): listing.sizes[place]
            for need in self.needs(job)
            for bucket, listing, place in self.find(need)
        }

    def count(self, bucket: str, start: str) -> int:
        """Return how many keys of a bucket begin with a text."""
        listing = self.listing(bucket, start)
        return len(listing.between(start)) if listing else 0

    def listing(self, bucket: str, start: str) -> Listing | None:
        """Return the listing that contains the keys with a beginning."""
        return next(
            (one for (of, root), one in self._listings.items() if of == bucket and start.startswith(root)),
            None,
        )


def _starts(need: Need) -> tuple[Start, ...]:
    return tuple((bucket, start) for bucket, start, _ in need.places)


def _pattern(text: str, source_bucket: str) -> Need:
    found = read_patterns(text, source_bucket)
    return Need(text, tuple((one.bucket, one.prefix, _test(one)) for one in found))


def _test(pattern: Pattern) -> Callable[[str], bool]:
    is_key = pattern.prefix == pattern.key and not pattern.key.endswith("/")
    return pattern.key.__eq__ if is_key else lambda key: pattern.glob.matches(key) and not key.endswith("/")


def _address(address: Address) -> Need:
    """Return an address's places as the worker reads it: an object, or else everything below it."""
    places: list[Place] = []
    for key in (address.key, *address.otherwise):
        if not key.endswith("/"):
            places.append((address.bucket, key, key.__eq__))
        places.append((address.bucket, f"{key.removesuffix('/')}/", _is_file))
    return Need(str(address), tuple(places))


def _is_file(key: str) -> bool:
    return not key.endswith("/")


def _read(found: Iterable[tuple[str, int, bool]], most: int | None) -> Listing:
    listing = Listing()
    for key, size, is_archived in found:
        if most is not None and len(listing.keys) == most:
            raise TooMany(f"more than {most:,} keys")
        listing.keys.append(key)
        listing.sizes.append(size)
        if is_archived:
            listing.archived.add(key)
    return listing


def listings_for(starts: Iterable[Start], most: int) -> list[Start]:
    """Return starts whose listings include all that begins with any of these, at most `most` per bucket."""
    by_bucket: dict[str, set[str]] = {}
    for bucket, start in starts:
        by_bucket.setdefault(bucket, set()).add(start)
    return [(bucket, root) for bucket, some in sorted(by_bucket.items()) for root in _roots(some, most)]


def _roots(starts: set[str], most: int) -> list[str]:
    folders = {start: start.split("/")[:-1] for start in starts}
    for depth in range(max(map(len, folders.values())), -1, -1):
        groups: dict[tuple[str, ...], list[str]] = {}
        for start, names in folders.items():
            groups.setdefault(tuple(names[:depth]), []).append(start)
        if len(groups) <= most:
            break
    roots = sorted(common_start(some) for some in groups.values())
    return [root for number, root in enumerate(roots) if not root.startswith(tuple(roots[:number]))]
