"""Choose jobs to rehearse, and extrapolate to all: seconds, their 80 % range, memory. Pure.

Seconds and memory are modelled as powers of the input bytes, with noise as a factor: a straight line through
their logarithms. So a single slow job does not dominate, and no prediction is negative.
tests/unit/test_lawfit.py checks the stated range against simulated screens.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist, fmean

from distributed_fiji.state.rehearsal import Law

#: Sizes that differ by less explain nothing.
LEAST_SPREAD = 1.2
#: With fewer jobs than this beyond the line's parameters, no range can be calculated; this factor either way
#: is stated.
LEAST_FREEDOM, UNKNOWN = 3, 3.0
#: A range with a larger factor between low and high is no better than a guess. Neither is a law from jobs
#: that are smaller by a larger factor than the second.
MOST_RANGE, MOST_BEYOND = 2.0, 2.0
#: The share of ranges that contain the truth, and of jobs of the largest size that stay below the stated
#: memory.
RANGE, BELOW = 0.8, 0.98
#: Memory is at least this factor times the highest seen; the first if too few jobs show how it varies.
UNKNOWN_MEMORY, LEAST_MEMORY = 1.6, 1.4


def choose_jobs(sizes: Sequence[int], count: int) -> list[int]:
    """Return the places of `count` jobs, largest first: one per stratum of equal bytes, and the largest.

    `sizes`: input bytes of all jobs. The same sizes always give the same jobs. A worker's first job waits for
    FIJI's start, which matters least for the largest.
    """
    order = sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    weights = [sizes[place] for place in order] if any(sizes) else [1] * len(order)
    sums = list(accumulate(weights))
    count = min(count, len(order))
    middles = [bisect_left(sums, (stratum + 0.5) * sums[-1] / count) for stratum in range(count - 1)]
    chosen = {len(order) - 1}
    for place in (*reversed(middles), *reversed(range(len(order)))):
        # A job larger than a stratum fills several; the next smaller ones are taken for those.
        if len(chosen) < count:
            chosen.add(next((one for one in range(place, -1, -1) if one not in chosen), place))
    return [order[place] for place in sorted(chosen, reverse=True)]


@dataclass(frozen=True)
class _Line:
    """A line through logarithms. `noise`: the standard deviation around it, from `freedom` degrees."""

    count: int
    middle: float
    height: float
    power: float
    spread: float
    noise: float
    freedom: int

    def at(self, size: float) -> float:
        return self.height + self.power * (_log(size) - self.middle)

    def variance(self, distance: float) -> float:
        """Return the variance of the line itself, at a distance from its middle."""
        tilt = distance**2 / self.spread if self.power else 0.0
        return self.noise**2 * (1 / self.count + tilt)


def _log(value: float) -> float:
    return math.log(max(1.0, value))


def _fit(measured: Sequence[tuple[int, float]]) -> _Line:
    """Return the least-squares line; a level one if the sizes hardly differ."""
    xs, ys = [_log(size) for size, _ in measured], [math.log(max(1e-3, value)) for _, value in measured]
    middle, height = fmean(xs), fmean(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    tilted = max(xs) - min(xs) > math.log(LEAST_SPREAD)
    power = sum((x - middle) * (y - height) for x, y in zip(xs, ys, strict=True)) / spread if tilted else 0.0
    freedom = len(xs) - (2 if tilted else 1)
    rest = sum((y - height - power * (x - middle)) ** 2 for x, y in zip(xs, ys, strict=True))
    return _Line(len(xs), middle, height, power, spread, math.sqrt(rest / max(1, freedom)), freedom)


def fit_law(measured: Sequence[tuple[int, float]], sizes: Sequence[int]) -> Law:
    """Return the law of some jobs' (input bytes, seconds), with its range for all jobs' total seconds.

    If noise is a factor, its mean is above its middle, by exp(noise² / 2). The total's variance combines that
    of the line at the jobs that take most of the time, of the noise's estimate, and of the jobs.
    """
    line = _fit(measured)
    shift = line.noise**2 / 2
    seconds = [math.exp(line.at(size) + shift) for size in sizes]
    total = sum(seconds)
    where = sum(one * (_log(size) - line.middle) for one, size in zip(seconds, sizes, strict=True)) / total
    variance = line.variance(where) + line.noise**4 / (2 * max(1, line.freedom)) + line.noise**2 / len(sizes)
    known = line.freedom >= LEAST_FREEDOM
    factor = math.exp(t_quantile((1 + RANGE) / 2, line.freedom) * math.sqrt(variance)) if known else UNKNOWN
    reaches = max(sizes) <= MOST_BEYOND * max(size for size, _ in measured)
    return Law(
        base=0.0,
        per_byte=math.exp(line.height - line.power * line.middle + shift),
        power=line.power,
        mean=total / len(sizes),
        low=1 / factor,
        high=factor,
        carries=known and reaches and factor**2 <= MOST_RANGE,
    )


def memory_bound(measured: Sequence[tuple[int, float]], sizes: Sequence[int]) -> float:
    """Return memory that the largest job stays below, from (input bytes, memory) of some jobs."""
    most = max(value for _, value in measured)
    line, largest = _fit(measured), max(sizes)
    if line.freedom < LEAST_FREEDOM:
        return most * UNKNOWN_MEMORY
    variance = line.noise**2 + line.variance(_log(largest) - line.middle)
    stated = math.exp(line.at(largest) + t_quantile(BELOW, line.freedom) * math.sqrt(variance))
    return max(most * LEAST_MEMORY, stated)


def t_quantile(share: float, freedom: int) -> float:
    """Return Student's t quantile, for at least 3 degrees of freedom (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**order for order, term in enumerate(terms, 1))
