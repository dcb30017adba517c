"""Job IDs as sorted numbers of eight bytes, in memory and in submissions. Standard library only."""

from __future__ import annotations

import binascii
import sys
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from worker.contract.state import JOB_ID, Unreadable

#: Bytes of an ID.
WIDTH = 8


def sorted_numbers(jobs: Iterable[str]) -> array[int]:
    """Return IDs as numbers, sorted, each once. Raises ValueError if one of them is not a number."""
    return array("Q", (number for number, _ in groupby(sorted(int(job, 16) for job in jobs))))


def find_place(numbers: array[int], job: str) -> int | None:
    """Return where a job's ID is in a sorted array; None if it is not, or is no valid ID."""
    if not JOB_ID.match(job):
        return None
    number = int(job, 16)
    place = bisect_left(numbers, number)
    return place if place < len(numbers) and numbers[place] == number else None


def packed(numbers: array[int]) -> str:
    """Return sorted numbers as a submission has them: big-endian, in Base64, 11 characters a job."""
    return b64encode(_big_endian(numbers).tobytes()).decode("ascii")


def unpacked(value: Any) -> array[int]:
    """Return the numbers in a submission's job_ids: packed, or a list of IDs as earlier versions wrote it.

    Raises Unreadable.
    """
    if isinstance(value, list):
        if not all(isinstance(job, str) and JOB_ID.match(job) for job in value):
            raise Unreadable("job_ids contains an invalid job ID")
        return sorted_numbers(value)
    if not isinstance(value, str):
        raise Unreadable("job_ids is neither packed IDs nor a list of them")
    try:
        body = b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"job_ids is not Base64 ({error})") from error
    if len(body) % WIDTH:
        raise Unreadable("job_ids ends within an ID")
    numbers = _big_endian(array("Q", body))
    if any(one >= other for one, other in zip(numbers, memoryview(numbers)[1:], strict=False)):
        raise Unreadable("job_ids is not sorted")
    return numbers


def _big_endian(numbers: array[int]) -> array[int]:
    """Return numbers in the other order of bytes if this machine's is not big-endian."""
    if sys.byteorder == "big":
        return numbers
    swapped = numbers[:]
    swapped.byteswap()
    return swapped
