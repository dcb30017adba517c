"""The campaign's faults, each in full and short size, and how to run them one after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults import (
    canaries,
    collisions,
    disks,
    hangs,
    hostile,
    leases,
    losses,
    network,
    notices,
    poison,
    scripts,
    shown,
    spoilers,
    strangers,
    values,
)
from tests.faults.ground import Ground
from tests.faults.report import Report, Row, problems

Size = Mapping[str, int]


@dataclass(frozen=True)
class Fault:
    """`run` takes the ground and one of the sizes as keywords."""

    name: str
    title: str
    run: Callable[..., Report]
    full: Size
    short: Size = field(default_factory=dict)


def killed_on_both(ground: Ground, *, ministack: int, moto: int, jobs: int, workers: int) -> Report:
    """Kill workers on each emulator in turn."""
    report = Report()
    for on, kills in (("ministack", ministack), ("moto", moto)):
        if kills:
            share = jobs * kills // (ministack + moto)
            one = losses.killed_at_random(ground, kills=kills, jobs=share, workers=workers, on=on)
            report.injected += one.injected
            report.outcomes += one.outcomes
            report.problems += one.problems
    return report


FAULTS = (
    Fault(
        "R1",
        "SIGKILL at random",
        killed_on_both,
        {"ministack": 850, "moto": 150, "jobs": 600, "workers": 8},
        {"ministack": 10, "moto": 0, "jobs": 12, "workers": 3},
    ),
    Fault(
        "R2",
        "one call in ten fails",
        network.failing_calls,
        {"jobs": 2000, "workers": 8},
        {"jobs": 24, "workers": 3},
    ),
    Fault(
        "R3",
        "jobs of many visibilities",
        leases.long_jobs,
        {"jobs": 5, "visibility": 3, "times": 20},
        {"jobs": 1, "visibility": 2, "times": 5},
    ),
    Fault(
        "R4",
        "heartbeats blocked",
        leases.blocked_heartbeats,
        {"jobs": 200, "workers": 4},
        {"jobs": 4, "workers": 2},
    ),
    Fault(
        "R5",
        "SIGTERM at random",
        losses.asked_to_leave,
        {"signals": 200, "lanes": 8},
        {"signals": 8, "lanes": 4},
    ),
    Fault(
        "R6",
        "spot notice, odd metadata service",
        notices.spot_notices,
        {"notices": 104, "lanes": 8},
        {"notices": 13, "lanes": 7},
    ),
    Fault(
        "R7",
        "poison, one in ten",
        poison.poison_in_the_queue,
        {"kinds": 50, "jobs": 450, "workers": 4},
        {"kinds": 50, "jobs": 10, "workers": 2},
    ),
    Fault(
        "R8",
        "delivered two or three times",
        leases.delivered_at_once,
        {"jobs": 200, "workers": 4},
        {"jobs": 16, "workers": 2},
    ),
    Fault("R9", "FIJI hangs", hangs.hung_fiji, {"of_each": 25, "workers": 8}, {"of_each": 2, "workers": 4}),
    Fault("R10", "disk full", disks.full_disks, {"each": 17, "workers": 4}, {"each": 1, "workers": 1}),
    Fault(
        "R11",
        "misleading scripts",
        scripts.misleading_scripts,
        {"pairs": 102},
        {"pairs": 8, "languages": 1},
    ),
    Fault(
        "R12",
        "generated values",
        values.generated_values,
        {"values": 10_000, "each": 200},
        {"values": 200, "each": 200},
    ),
    Fault(
        "R17",
        "jobs spoil shared inputs",
        spoilers.spoilt_inputs,
        {"jobs": 200, "workers": 2},
        {"jobs": 20, "workers": 1},
    ),
    Fault(
        "R18",
        "colliding outputs",
        collisions.colliding_outputs,
        {"jobs": 200, "workers": 4},
        {"jobs": 14, "workers": 2},
    ),
    Fault(
        "R19",
        "survivors that rewrite outputs",
        collisions.survivors,
        {"jobs": 50, "workers": 4},
        {"jobs": 7, "workers": 2},
    ),
    Fault(
        "R20",
        "hostile state objects, garbled answers",
        hostile.hostile_state,
        {"objects": 50, "jobs": 30, "workers": 2, "garbled": 28},
        {"objects": 24, "jobs": 4, "workers": 1, "garbled": 6},
    ),
    Fault("S1", "secrets in the environment", canaries.secrets_kept, {"jobs": 12}, {"jobs": 2}),
    Fault(
        "S4",
        "hostile values",
        values.hostile_values,
        {"jobs": 501, "workers": 4},
        {"jobs": 36, "workers": 2},
    ),
    Fault("S5", "strangers at the doors", strangers.strangers, {"requests": 20_000}, {"requests": 300}),
    Fault(
        "S6",
        "what a terminal obeys",
        shown.hostile_texts,
        {"texts": 5_000, "jobs": 200, "workers": 4},
        {"texts": 100, "jobs": 12, "workers": 2},
    ),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def run_faults(ground: Ground, faults: Sequence[Fault], *, short: bool = False) -> list[Row]:
    """Run faults one after another, reporting on stderr how each ended."""
    rows = []
    for fault in faults:
        print(f"{fault.name} {fault.title} …", file=sys.stderr, flush=True)
        started_at = time.monotonic()
        try:
            report = fault.run(ground, **(fault.short if short else fault.full))
        except Exception as error:
            # A fault that cannot be run to its end does not count as withstood; the others still run.
            report = Report(problems=[f"{type(error).__name__}: {error}"])
        rows.append(Row(fault.name, fault.title, report, time.monotonic() - started_at))
        said = problems(rows[-1:]) or "withstood"
        print(f"{fault.name} {rows[-1].seconds:.0f} s: {said}", file=sys.stderr, flush=True)
    return rows
