"""What eight jobs say of a screen, held to the truth of simulated screens: time, its range, and memory."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from distributed_fiji.commands.lawfit import choose_jobs, fit_law, memory_bound, t_quantile
from distributed_fiji.commands.suggest import memory_for
from distributed_fiji.state.rehearsal import Law
from worker.host.memory import heap_mb

SCREENS, JOBS = 200, 8


@dataclass(frozen=True)
class Screen:
    """All jobs of a simulated screen: input bytes, seconds, and memory that FIJI needs (MB)."""

    sizes: list[int]
    seconds: list[float]
    memory: list[float]

    def rehearsed(self, count: int = JOBS) -> tuple[Law, float]:
        """Return the law and the bound of memory that some of the jobs give."""
        places = choose_jobs(self.sizes, count)
        times = [(self.sizes[place], self.seconds[place]) for place in places]
        memory = [(self.sizes[place], self.memory[place]) for place in places]
        return fit_law(times, self.sizes), memory_bound(memory, self.sizes)


def constant(rng: random.Random, mean: float) -> Callable[[float], float]:
    seconds = rng.uniform(2, 60)
    return lambda size: seconds


def linear(rng: random.Random, mean: float) -> Callable[[float], float]:
    offset, ratio = rng.uniform(2, 60), rng.uniform(0.2, 3)
    return lambda size: offset * (1 + ratio * size / mean)


def power(rng: random.Random, mean: float) -> Callable[[float], float]:
    seconds, exponent = rng.uniform(2, 60), rng.uniform(1.2, 1.6)
    return lambda size: float(seconds * (size / mean) ** exponent)


def bimodal(rng: random.Random, mean: float) -> Callable[[float], float]:
    """Some jobs take several times as long, whatever their size."""
    seconds, slow, share = rng.uniform(2, 60), rng.uniform(3, 6), rng.uniform(0.2, 0.5)
    return lambda size: seconds * (slow if rng.random() < share else 1)


LAWS = {law.__name__: law for law in (constant, linear, power, bimodal)}


def screen(name: str, seed: int) -> Screen:
    rng = random.Random(f"{name} {seed}")
    spread, middle = rng.uniform(0.2, 1.0), math.exp(rng.uniform(math.log(1e6), math.log(1e9)))
    sizes = [int(middle * math.exp(rng.gauss(0, spread))) for _ in range(rng.randint(300, 3000))]
    mean = sum(sizes) / len(sizes)
    law, noise, memory_noise = LAWS[name](rng, mean), rng.uniform(0.08, 0.3), rng.uniform(0.02, 0.15)
    start, per_size = rng.uniform(150, 400), rng.uniform(0, 1500)
    return Screen(
        sizes,
        [law(size) * math.exp(rng.gauss(0, noise)) for size in sizes],
        [start + per_size * size / mean * math.exp(rng.gauss(0, memory_noise)) for size in sizes],
    )


@pytest.mark.parametrize("name", LAWS)
def test_the_stated_range_holds_the_truth_as_often_as_it_says(name: str) -> None:
    held, errors, guesses = 0, [], 0
    for seed in range(SCREENS):
        one = screen(name, seed)
        law, _ = one.rehearsed()
        assert law.mean is not None
        ratio = sum(one.seconds) / (law.mean * len(one.sizes))
        held += law.low <= ratio <= law.high
        errors.append(abs(1 / ratio - 1))
        guesses += not law.carries
    error = sorted(errors)[int(0.8 * SCREENS)]
    print(name, held / SCREENS, round(error, 3), guesses)

    assert 0.75 <= held / SCREENS <= 0.90
    if name == "bimodal":
        assert guesses > 0.7 * SCREENS
    else:
        assert error <= 0.22 and guesses < 0.05 * SCREENS


def test_no_job_runs_out_of_the_memory_that_is_suggested() -> None:
    for seed in range(100):
        one = screen("linear", seed)
        heap = heap_mb(memory_for(one.rehearsed()[1]), whole=False, standby=True)
        assert max(one.memory) <= heap, seed


def test_the_jobs_are_spread_over_the_bytes_with_the_largest_among_them() -> None:
    sizes = screen("linear", 1).sizes
    chosen = choose_jobs(sizes, JOBS)

    assert chosen == choose_jobs(list(sizes), JOBS) and len(set(chosen)) == JOBS
    assert chosen == sorted(chosen, key=lambda place: sizes[place], reverse=True)
    assert sizes[chosen[0]] == max(sizes)
    ordered = sorted(sizes)
    for stratum, place in enumerate(chosen[:0:-1]):
        below = sum(size for size in ordered if size < sizes[place])
        assert stratum / JOBS <= below / sum(sizes) <= (stratum + 1) / JOBS


@pytest.mark.parametrize(
    ("sizes", "count", "chosen"),
    [
        ([0, 0, 0], 8, [2, 1, 0]),
        ([7], 8, [0]),
        ([5, 1, 9], 1, [2]),
        ([1, 1, 1, 1, 1000], 3, [4, 3, 2]),
        ([5] * 24, 8, [23, 19, 16, 13, 10, 7, 4, 1]),
    ],
)
def test_odd_job_files_have_jobs_to_rehearse_too(sizes: list[int], count: int, chosen: list[int]) -> None:
    assert choose_jobs(sizes, count) == chosen


def test_few_jobs_or_only_small_ones_carry_no_law() -> None:
    few = fit_law([(10, 2.0), (1000, 3.0)], [10, 1000] * 50)
    assert not few.carries and (few.low, few.high) == (pytest.approx(1 / 3), 3.0)
    same = [(size, 2.0) for size in range(100, 180, 10)]
    assert fit_law(same, [150] * 100).carries
    assert not fit_law(same, [150] * 100 + [900]).carries


def test_jobs_without_inputs_take_what_jobs_take() -> None:
    law = fit_law([(0, 1.9), (0, 2.1), (0, 2.0), (0, 2.0), (0, 2.0)], [0] * 500)
    assert law.mean == pytest.approx(2.0, rel=0.01) and law.carries
    assert law.seconds(0) == pytest.approx(law.mean)


@pytest.mark.parametrize(
    ("share", "freedom", "quantile"),
    [(0.9, 3, 1.638), (0.9, 6, 1.440), (0.9, 14, 1.345), (0.999, 6, 5.208), (0.999, 14, 3.787)],
)
def test_quantiles_are_those_of_students_table(share: float, freedom: int, quantile: float) -> None:
    assert t_quantile(share, freedom) == pytest.approx(quantile, rel=0.005)
