"""Whether the jobs' inputs are in the bucket and readable, decided from listings. Pure."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from distributed_fiji.findings import Finding, Severity
from distributed_fiji.jobs import JobFile
from distributed_fiji.listedinputs import ListedInputs, ListingLimits, Need
from worker.contract.jobs import Job

#: Folders beyond eight are listed together. Larger listings are not compared, since they take minutes alone;
#: comparing ten million keys takes about ten seconds.
LIMITS = ListingLimits(listings=8, keys=500_000, compared=10_000_000)
#: How many TIFF files' headers are read, from as many jobs across the file.
MOST_HEADS = 32
#: How many keys are searched for the nearest one.
MOST_NEAR = 500
HEAD_BYTES = 16
TIFF = (".tif", ".tiff")


@dataclass
class Compared:
    """What the listings say about the jobs' inputs: by kind of finding, groups with their first such input.

    `missing`: the first missing one. `largest`: the most bytes of one job's inputs. `heads`: group, bucket,
    key and bytes of TIFF files to examine.
    """

    jobs: int = 0
    lacking: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    missing: Need | None = None
    largest: int = 0
    heads: list[tuple[str, str, str, int]] = field(default_factory=list)


def compare(file: JobFile, listed: ListedInputs) -> Compared:
    """Look up all jobs' inputs in the listings. Raises TooMany."""
    looked = Compared(jobs=len(file.job_ids))
    step = -(-looked.jobs // MOST_HEADS)
    for place, (number, job) in enumerate(file.numbered()):
        tiffs = _look_at_job(looked, file.groups.called(number), job, listed)
        if place % step == 0 and tiffs:
            looked.heads.append(tiffs[0])
    return looked


def _look_at_job(
    looked: Compared, group: str, job: Job, listed: ListedInputs
) -> list[tuple[str, str, str, int]]:
    """Record what one job lacks; return its TIFF files that are not empty."""
    lacking, tiffs, bytes_of_job = dict[str, str](), [], 0
    for one in listed.needs(job):
        found = listed.find(one)
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
                tiffs.append((group, bucket, key, size))
    for kind, text in lacking.items():
        looked.lacking.setdefault(kind, []).append((group, text))
    looked.largest = max(looked.largest, bytes_of_job)
    return tiffs


SAID = {
    "inputs-missing": "no key matches {!r}",
    "inputs-archived": "{!r} is in an archive class and must be restored first",
    "inputs-empty": "{!r} has 0 bytes",
    "inputs-broken": "{!r} does not begin as a TIFF file",
}


def input_findings(looked: Compared, near: Callable[[Need], str]) -> list[Finding]:
    """Report missing, empty or archived inputs. It is a stop if no job has all of its inputs.

    `near` returns a sentence about what is nearest to an input, '' if nothing is.
    """
    found = []
    for kind, places in looked.lacking.items():
        one = lack(kind, places, looked.jobs)
        more = near(looked.missing) if kind == "inputs-missing" and looked.missing else ""
        found.append(replace(one, found=f"{one.found}; {more}") if more else one)
    return found


def lack(kind: str, places: Sequence[tuple[str, str]], of: int) -> Finding:
    """Return the finding about some of the inputs. A place is what a group is called, and an input."""
    group, text = places[0]
    severity: Severity = "stop" if len(places) == of else "warn"
    found = f"{len(places):,} of {of:,} jobs: {SAID[kind].format(text)} ({group})"
    return Finding(kind, severity, group, found)


def nearest(wanted: Need, listed: ListedInputs) -> str:
    """Return a sentence about the listed key that is nearest to an input; '' if none is."""
    for bucket, start, _ in wanted.places:
        listing = listed.listing(bucket, start)
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
    """Whether a file of this size begins as TIFF or BigTIFF and includes its directory (TIFF 6.0)."""
    if head[:2] not in (b"II", b"MM"):
        return False
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    version = int.from_bytes(head[2:4], order)
    first = int.from_bytes(head[4:8] if version == 42 else head[8:16], order)
    return version in (42, 43) and 8 <= first < size
