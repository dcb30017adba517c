"""Whether what jobs name as inputs is in the bucket and can be read: decided over listings. Pure."""

from __future__ import annotations

import contextlib
import difflib
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from distributed_fiji.findings import Finding, Severity
from distributed_fiji.jobs import JobFile
from worker.contract.inputs import Address, InvalidAddress, Pattern, addresses_in, read_patterns
from worker.contract.jobs import Job
from worker.contract.patterns import common_start

#: So many listings are made at most; folders beyond that are listed together, by what they have in common.
MOST_LISTINGS = 8
#: Keys that are compared with patterns altogether: about ten seconds of Python.
MOST_COMPARED = 10_000_000
#: More keys than these are not compared: their listing alone takes minutes.
MOST_KEYS = 500_000
#: TIFF files whose beginning is read, and of whose jobs so many are spread over the file.
MOST_HEADS = 32
#: So many keys are looked through for the nearest one.
MOST_NEAR = 500
MAY_BE = re.compile(r"s3://|/bucket/", re.IGNORECASE)
HEAD_BYTES = 16
TIFF = (".tif", ".tiff")
LAST = "\U0010ffff"

#: A bucket, and what keys in it begin with.
Start = tuple[str, str]


@dataclass
class Listing:
    """Keys that begin with a text, in order, with their bytes; `archived`: those to be restored first."""

    keys: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    archived: set[str] = field(default_factory=set)

    def between(self, start: str) -> range:
        """Return the places of all keys that begin with a text."""
        return range(bisect_left(self.keys, start), bisect_left(self.keys, start + LAST))


#: A bucket, what keys begin with, and whether a key is meant.
Place = tuple[str, str, Callable[[str], bool]]


class Need(NamedTuple):
    """An input as the job file has it, and the places that it may mean: bucket, start, and a test of keys."""

    text: str
    places: tuple[Place, ...]


class TooMany(Exception):
    """Raised where patterns would be compared with too many keys."""


def wanted_by(job: Job, source_bucket: str, *, values: bool) -> Iterator[Need]:
    """Yield what a job wants from S3. `values`: whether metadata values are inputs, too."""
    for text in job.inputs:
        with contextlib.suppress(InvalidAddress):
            yield _pattern(text, source_bucket)
    named = [*job.metadata.values(), *job.shared_metadata.values(), *job.answers.values()] if values else []
    for value in named:
        # Of a million values few are addresses: only those are read.
        if not isinstance(value, (str, list)) or not MAY_BE.search(str(value)):
            continue
        with contextlib.suppress(InvalidAddress):
            yield from (
                _address(item)
                for item in addresses_in(value, source_bucket) or []
                if isinstance(item, Address)
            )


def _pattern(text: str, source_bucket: str) -> Need:
    found = read_patterns(text, source_bucket)
    return Need(text, tuple((one.bucket, one.prefix, _test(one)) for one in found))


def _test(pattern: Pattern) -> Callable[[str], bool]:
    is_key = pattern.prefix == pattern.key and not pattern.key.endswith("/")
    return pattern.key.__eq__ if is_key else lambda key: pattern.glob.matches(key) and not key.endswith("/")


def _address(address: Address) -> Need:
    """Return a place in S3, as the worker takes it: an object, or else all below it."""
    places: list[Place] = []
    for key in (address.key, *address.otherwise):
        if not key.endswith("/"):
            places.append((address.bucket, key, key.__eq__))
        places.append((address.bucket, f"{key.removesuffix('/')}/", _is_file))
    return Need(str(address), tuple(places))


def _is_file(key: str) -> bool:
    return not key.endswith("/")


def listings_for(starts: Iterable[Start]) -> list[Start]:
    """Return few starts whose listings hold all that begins with one of these."""
    by_bucket: dict[str, set[str]] = {}
    for bucket, start in starts:
        by_bucket.setdefault(bucket, set()).add(start)
    return [(bucket, root) for bucket, some in sorted(by_bucket.items()) for root in _roots(some)]


def _roots(starts: set[str]) -> list[str]:
    folders = {start: start.split("/")[:-1] for start in starts}
    for depth in range(max(map(len, folders.values())), -1, -1):
        groups: dict[tuple[str, ...], list[str]] = {}
        for start, names in folders.items():
            groups.setdefault(tuple(names[:depth]), []).append(start)
        if len(groups) <= MOST_LISTINGS:
            break
    roots = sorted(common_start(some) for some in groups.values())
    return [root for number, root in enumerate(roots) if not root.startswith(tuple(roots[:number]))]


@dataclass
class Compared:
    """What listings say of jobs' inputs: for each kind of finding the groups, with the first input.

    `missing`: the first that is. `largest`: bytes of one job's inputs. `heads`: group, bucket, key and bytes
    of TIFF files that may be looked into.
    """

    jobs: int = 0
    lacking: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    missing: Need | None = None
    largest: int = 0
    heads: list[tuple[int, str, str, int]] = field(default_factory=list)


class Comparison:
    """Finds inputs in listings; each text is looked for once."""

    def __init__(self, listings: Mapping[Start, Listing]) -> None:
        self._listings = listings
        self._known: dict[str, list[tuple[str, Listing, int]]] = {}
        self._compared = 0

    def find(self, wanted: Need) -> list[tuple[str, Listing, int]]:
        """Return bucket, listing and place of each key that an input means. Raises TooMany."""
        if wanted.text not in self._known:
            found: list[tuple[str, Listing, int]] = []
            for bucket, start, fits in wanted.places:
                found = found or [(bucket, *one) for one in self._matches(bucket, start, fits)]
            self._known[wanted.text] = found
        return self._known[wanted.text]

    def _matches(self, bucket: str, start: str, fits: Callable[[str], bool]) -> Iterator[tuple[Listing, int]]:
        listing = self.listing(bucket, start)
        if listing is None:
            return
        for place in listing.between(start):
            self._compared += 1
            if self._compared > MOST_COMPARED:
                raise TooMany
            if fits(listing.keys[place]):
                yield listing, place

    def count(self, bucket: str, start: str) -> int:
        """Return how many keys of a bucket begin with a text."""
        listing = self.listing(bucket, start)
        return len(listing.between(start)) if listing else 0

    def listing(self, bucket: str, start: str) -> Listing | None:
        """Return the listing that holds what begins with a text."""
        return next(
            (one for (of, root), one in self._listings.items() if of == bucket and start.startswith(root)),
            None,
        )


def compare(file: JobFile, wanted: Callable[[Job], Iterable[Need]], comparison: Comparison) -> Compared:
    """Look for all jobs' inputs in listings. Raises TooMany."""
    looked = Compared(jobs=len(file.job_ids))
    again = {later for _, later in file.duplicates}
    numbers = (number for number in range(1, len(file.groups) + 1) if number not in again)
    step = -(-looked.jobs // MOST_HEADS)
    for place, (number, job) in enumerate(zip(numbers, file, strict=True)):
        tiffs = _look_at_job(looked, number, wanted(job), comparison)
        if place % step == 0 and tiffs:
            looked.heads.append(tiffs[0])
    return looked


def _look_at_job(
    looked: Compared, number: int, wanted: Iterable[Need], comparison: Comparison
) -> list[tuple[int, str, str, int]]:
    """Note what one job lacks; return its TIFF files with something in them."""
    lacking, tiffs, bytes_of_job = dict[str, str](), [], 0
    for one in wanted:
        found = comparison.find(one)
        if not found:
            looked.missing = looked.missing or one
            lacking.setdefault("inputs-missing", one.text)
        for bucket, listing, place in found:
            key, size = listing.keys[place], listing.sizes[place]
            bytes_of_job += size
            if key in listing.archived:
                lacking.setdefault("inputs-archived", f"s3://{bucket}/{key}")
            elif not size and not key.endswith("/"):
                lacking.setdefault("inputs-empty", f"s3://{bucket}/{key}")
            elif key.lower().endswith(TIFF):
                tiffs.append((number, bucket, key, size))
    for kind, text in lacking.items():
        looked.lacking.setdefault(kind, []).append((number, text))
    looked.largest = max(looked.largest, bytes_of_job)
    return tiffs


SAID = {
    "inputs-missing": "no key matches {!r}",
    "inputs-archived": "{!r} is in an archive class and must be restored first",
    "inputs-empty": "{!r} has 0 bytes",
    "inputs-broken": "{!r} does not begin as a TIFF file",
}


def input_findings(looked: Compared, near: Callable[[Need], str]) -> list[Finding]:
    """Say which inputs are missing, empty or archived: it stops where no job has all of its inputs.

    `near`: returns a sentence about what is nearest to an input, '' for none.
    """
    found = []
    for kind, places in looked.lacking.items():
        one = lack(kind, places, looked.jobs)
        more = near(looked.missing) if kind == "inputs-missing" and looked.missing else ""
        found.append(replace(one, found=f"{one.found}; {more}") if more else one)
    return found


def lack(kind: str, places: Sequence[tuple[int, str]], of: int) -> Finding:
    """Return the finding about some inputs of so many; a place is the number of a group, and an input."""
    number, text = places[0]
    severity: Severity = "stop" if len(places) == of else "warn"
    found = f"{len(places):,} of {of:,} jobs: {SAID[kind].format(text)} (groups[{number}])"
    return Finding(kind, severity, f"groups[{number}]", found)


def nearest(wanted: Need, comparison: Comparison) -> str:
    """Return a sentence about the key that comes nearest to an input, of those listed; '' for none."""
    for bucket, start, _ in wanted.places:
        listing = comparison.listing(bucket, start)
        if listing and listing.keys:
            key = wanted.text.removeprefix(f"s3://{bucket}/")
            folder = start[: start.rfind("/") + 1]
            beside = listing.between(folder) or listing.between("")
            middle = bisect_left(listing.keys, start)
            some = [listing.keys[place] for place in beside if abs(place - middle) <= MOST_NEAR // 2]
            if near := difflib.get_close_matches(key, some, n=1, cutoff=0.5):
                return f"the nearest is {near[0]!r}"
    return ""


def is_tiff(head: bytes, size: int) -> bool:
    """Whether a file of so many bytes begins as TIFF or BigTIFF, and has its directory (TIFF 6.0)."""
    if head[:2] not in (b"II", b"MM"):
        return False
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    version = int.from_bytes(head[2:4], order)
    first = int.from_bytes(head[4:8] if version == 42 else head[8:16], order)
    return version in (42, 43) and 8 <= first < size
