"""`failures` over 100,000 records of 20 causes: seconds to group them, and the peak memory.

Its target is held to seconds of CPU, since a busy machine takes longer.
"""

from __future__ import annotations

import random
import resource
import sys
import time

from benchmarks.common import Target, finish, show
from distributed_fiji.review.groups import grouped
from distributed_fiji.review.traits import known_of
from tests.unit.test_failures import CAUSES, failures_of

RECORDS, OTHERS = 100_000, 100_000


def main() -> list[Target]:
    """Measure once, print the table."""
    chance = random.Random(22)
    failures = [one for number in range(len(CAUSES)) for one in failures_of(number, RECORDS // 20, chance)]
    others = [known_of({"Plate": f"P{n % 50}", "Well": f"A{n % 24}"}, 9) for n in range(OTHERS)]
    began, cpu = time.perf_counter(), time.process_time()
    groups = grouped(failures, others)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    show(
        f"{RECORDS:,} failed jobs and {OTHERS:,} others in groups",
        ["causes", "groups", "seconds", "CPU seconds", "peak MB"],
        [[len(CAUSES), len(groups), seconds, cpu, peak]],
    )
    return [
        Target("groups a cause", len(groups) / len(CAUSES), at_most=1.3),
        Target("100,000 records, CPU", cpu, " s", at_most=20),
    ]


if __name__ == "__main__":
    sys.exit(finish(main()))
