"""Robust figures of many numbers: ranks, medians, deviations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, fsum, isfinite, sqrt

#: A median absolute deviation times this is a normal distribution's standard deviation.
NORMAL = 1.4826

#: No measurement is larger; with larger numbers, squares and sums would leave the range of a double.
MOST = 1e100


@dataclass(frozen=True)
class Spread:
    """How numbers are spread. `low`, `high`: the ranks at one and 99 percent; `total`: their exact sum."""

    count: int
    total: float
    least: float
    low: float
    median: float
    p95: float
    high: float
    most: float

    @property
    def mean(self) -> float:
        return self.total / self.count


def spread_of(numbers: Iterable[float]) -> Spread | None:
    """Return how numbers are spread; None for none."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    low, p95, high = (rank(ordered, share) for share in (0.01, 0.95, 0.99))
    return Spread(len(ordered), fsum(ordered), ordered[0], low, median(ordered), p95, high, ordered[-1])


def rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest number that this share of all is not above (nearest rank)."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def median(numbers: Iterable[float]) -> float:
    """Return the median of at least one number: of an even count, the mean of the middle two."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def deviation(numbers: Sequence[float]) -> float:
    """Return the median absolute deviation of at least one number, scaled to a standard deviation."""
    middle = median(numbers)
    return NORMAL * median(abs(one - middle) for one in numbers)


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Pearson's correlation of pairs; None where fewer than three or one side does not vary."""
    if len(pairs) < 3:
        return None
    mean_x, mean_y = (fsum(side) / len(pairs) for side in zip(*pairs, strict=True))
    spread_x = fsum((x - mean_x) ** 2 for x, _ in pairs)
    spread_y = fsum((y - mean_y) ** 2 for _, y in pairs)
    if not (spread_x and spread_y):
        return None
    return fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / (sqrt(spread_x) * sqrt(spread_y))


def is_usable(number: float) -> bool:
    """Whether a number is one that can be computed with."""
    return isfinite(number) and abs(number) <= MOST
