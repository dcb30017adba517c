"""What the jobs of a group share that most others do not: plates, rows, columns, machines, sizes. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed_fiji.plates import place_of, row_letters

#: A group with fewer jobs shares everything by chance.
FEWEST = 3
#: The most values of a name to list, and the most traits.
MOST_VALUES, MOST_TRAITS = 3, 3
#: The share of other jobs that may have a trait, and that may be beyond the group's range of sizes.
COMMON, BEYOND = 0.5, 0.05


@dataclass(frozen=True)
class Known:
    """What is known about a job. `values`: by name, as text. `size`: bytes of its inputs, None if unknown."""

    values: Mapping[str, str]
    size: int | None = None


def known_of(metadata: Mapping[str, Any], size: int | None = None, machine: str = "") -> Known:
    """Return what is known about a job: its metadata, its row and column, and its machine."""
    values = {name: str(value) for name, value in metadata.items() if not isinstance(value, list)}
    place = place_of(metadata)
    if place:
        values |= {"row": row_letters(place[0]), "column": str(place[1])}
    return Known(values | ({"machine": machine} if machine else {}), size)


@dataclass
class Everybody:
    """How often each value of each name occurs among all jobs, and all sizes."""

    jobs: Sequence[Known]
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def __post_init__(self) -> None:
        for job in self.jobs:
            for name, value in job.values.items():
                self.counts[name][value] += 1


def shared(group: Sequence[Known], everybody: Everybody) -> str:
    """Return what all jobs of a group share and others lack, such as `Plate P07, columns 1 and 24`; or ''.

    `everybody`: all jobs, including the group's.
    """
    others = len(everybody.jobs) - len(group)
    if len(group) < FEWEST or others < 1:
        return ""
    rare = sorted(_rare_values(group, everybody, others), key=lambda found: found[0])[:MOST_TRAITS]
    told = [_named(name, values) for _, name, values in rare]
    told += _sizes([job.size for job in group], Counter(job.size for job in everybody.jobs))
    return ", ".join(told)


def _rare_values(
    group: Sequence[Known], everybody: Everybody, others: int
) -> Iterator[tuple[float, str, list[str]]]:
    """Yield the share of others, a name and its values, if all of the group have one of a few values."""
    for name in group[0].values:
        found = Counter(job.values.get(name, "") for job in group)
        if (
            len(found) > MOST_VALUES
            or len(found) * 2 > len(group)
            or any(name not in job.values for job in group)
        ):
            continue
        share = sum(everybody.counts[name][value] - count for value, count in found.items()) / others
        if share <= COMMON:
            yield share, name, sorted(found, key=_in_order)


def _in_order(value: str) -> tuple[int, str]:
    return (int(value) if value.isdecimal() else 0, value)


def _named(name: str, values: list[str]) -> str:
    listed = " and ".join(filter(None, [", ".join(values[:-1]), values[-1]]))
    plural = "s" if len(values) > 1 and name.islower() else ""
    return f"{name}{plural} {listed}"


def _sizes(group: Iterable[int | None], everybody: Counter[int | None]) -> list[str]:
    """Return how the group's inputs differ in size from almost all others; nothing if sizes are unknown."""
    sizes = [size for size in group if size]
    others = everybody - Counter(sizes)
    known = sum(count for size, count in others.items() if size)
    if len(sizes) < FEWEST or not known:
        return []
    at_least, at_most = min(sizes), max(sizes)
    if sum(count for size, count in others.items() if size and size >= at_least) <= BEYOND * known:
        return [f"inputs of {megabytes(at_least)} and more"]
    if sum(count for size, count in others.items() if size and size <= at_most) <= BEYOND * known:
        return [f"inputs of {megabytes(at_most)} and less"]
    return []


def megabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return (
        f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"
    )
