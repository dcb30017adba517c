"""Sets of job IDs in nine bytes a job instead of 130, because a run may have a million.

Standard library only, because the janitor's Lambda counts with them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from heapq import merge
from itertools import compress, repeat
from typing import TypeGuard, TypeVar

from worker.contract.jobids import find_place, sorted_numbers

Item = TypeVar("Item")

#: What stands in `JobSet.wanted` for all jobs.
ALL = b"\1" * 256


class JobSet(Set[str]):
    """The jobs among `numbers` whose marks are wanted, and `others` besides.

    `numbers`: IDs as integers of eight bytes, sorted, each once. `marks`: a byte for each of them. `wanted`:
    1 for each of the 256 marks whose jobs belong to the set, else 0. `others`: jobs that are not among the
    numbers. Sets with the same marks are combined without looking at a job; others become a frozenset.
    """

    __slots__ = ("marks", "numbers", "others", "wanted")

    def __init__(
        self,
        numbers: array[int],
        marks: bytes | bytearray,
        wanted: bytes = ALL,
        others: frozenset[str] = frozenset(),
    ) -> None:
        self.numbers, self.marks, self.wanted, self.others = numbers, marks, wanted, others

    @staticmethod
    def of(jobs: Iterable[str]) -> JobSet:
        """Return the set of these jobs. Raises ValueError if one of them is not a valid ID."""
        if isinstance(jobs, JobSet):
            return jobs
        return JobSet.of_numbers(sorted_numbers(jobs))

    @staticmethod
    def of_numbers(numbers: array[int]) -> JobSet:
        """Return the set of the jobs with these numbers, which are sorted, each once."""
        return JobSet(numbers, bytes(len(numbers)))

    def __contains__(self, job: object) -> bool:
        if not isinstance(job, str):
            return False
        place = find_place(self.numbers, job)
        return job in self.others if place is None else bool(self.wanted[self.marks[place]])

    def __len__(self) -> int:
        return self.marks.translate(self.wanted).count(1) + len(self.others)

    def __iter__(self) -> Iterator[str]:
        for number in compress(self.numbers, self.marks.translate(self.wanted)):
            yield f"{number:016x}"
        yield from self.others

    def __and__(self, other: Set[object]) -> Set[str]:
        if not self._shares_marks(other):
            return super().__and__(other)
        both = (mine & theirs for mine, theirs in zip(self.wanted, other.wanted, strict=True))
        return JobSet(self.numbers, self.marks, bytes(both), self.others & other.others)

    def __or__(self, other: Set[str]) -> Set[str]:  # type: ignore[override]
        if not self._shares_marks(other):
            return super().__or__(other)
        either = (mine | theirs for mine, theirs in zip(self.wanted, other.wanted, strict=True))
        return JobSet(self.numbers, self.marks, bytes(either), self.others | other.others)

    def __sub__(self, other: Set[str | None]) -> Set[str]:
        if not self._shares_marks(other):
            return super().__sub__(other)
        rest = (mine & ~theirs for mine, theirs in zip(self.wanted, other.wanted, strict=True))
        return JobSet(self.numbers, self.marks, bytes(rest), self.others - other.others)

    @classmethod
    def _from_iterable(cls, it: Iterable[Item]) -> frozenset[Item]:
        return frozenset(it)

    def _shares_marks(self, other: object) -> TypeGuard[JobSet]:
        return isinstance(other, JobSet) and other.numbers is self.numbers and other.marks is self.marks


class LastSubmitted:
    """When each job was last submitted. `jobs`: of each submission. `times`: of each, oldest first."""

    def __init__(self, jobs: Sequence[Collection[str]], times: Sequence[float]) -> None:
        self.numbers, self._latest, self._times = array("Q"), array("I"), tuple(times)
        numbers = [JobSet.of(one).numbers for one in jobs]
        for number, place in merge(*(zip(one, repeat(place)) for place, one in enumerate(numbers))):
            if self.numbers and self.numbers[-1] == number:
                self._latest[-1] = place
            else:
                self.numbers.append(number)
                self._latest.append(place)

    def find(self, job: str) -> int | None:
        """Return a job's place among the submitted ones; None if no submission names it."""
        return find_place(self.numbers, job)

    def time_of(self, place: int) -> float:
        """Return when the job at a place was last submitted (seconds since 1970)."""
        return self._times[self._latest[place]]
