"""All attempts of a run counted one by one: what memory holds grows by some numbers for each. Pure."""

from __future__ import annotations

import heapq
import json
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distributed_fiji.review.facts import DoneJob, FailedJob

#: Jobs that are named as the slowest; different values of one parameter that are told apart.
SLOWEST, MOST_VALUES = 10, 20

#: What stands for all values of a parameter beyond those.
OTHERS = "…"


def _numbers() -> array[float]:
    return array("d")


@dataclass
class Tally:
    """What was counted. Times are seconds since 1970, `phases` the seconds of finished jobs in each phase.

    `lost`: seconds of failed attempts. `made_with`: how many finished jobs had which script, image and
    version, by name and value; `shared`: the same of the parameters that all jobs have. `slowest`: seconds
    and id. `kinds`: finished jobs by the type of their machine.
    """

    done: int = 0
    warned: int = 0
    without_outputs: int = 0
    files: int = 0
    output_bytes: int = 0
    input_bytes: int = 0
    attempts: int = 0
    lost: float = 0.0
    phases: dict[str, array[float]] = field(default_factory=dict)
    seconds: array[float] = field(default_factory=_numbers)
    memory: array[float] = field(default_factory=_numbers)
    ended: array[float] = field(default_factory=_numbers)
    failed: array[float] = field(default_factory=_numbers)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    made_with: dict[str, Counter[str]] = field(default_factory=dict)
    shared: dict[str, Counter[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def add_done(self, job: DoneJob) -> None:
        """Count a finished job."""
        course = job.course
        self.done += 1
        self.warned += bool(course.warnings)
        self.without_outputs += not job.outputs
        self.files += len(job.outputs)
        self.output_bytes += sum(job.outputs.values())
        self.input_bytes += job.input_bytes or 0
        self.kinds[job.machine.partition(" ")[2]] += 1
        self._add_seconds(job.job_id, course.seconds)
        if course.peak_memory_mb:
            self.memory.append(course.peak_memory_mb)
        if course.time:
            self.ended.append(course.time)
        _count(self.made_with, course.made_with)
        _count(self.shared, course.shared)

    def _add_seconds(self, job: str, seconds: Mapping[str, float]) -> None:
        for phase, value in seconds.items():
            self.phases.setdefault(phase, _numbers()).append(value)
        total = sum(seconds.values())
        self.seconds.append(total)
        push = heapq.heappush if len(self.slowest) < SLOWEST else heapq.heappushpop
        push(self.slowest, (total, job))

    def add_failed(self, attempt: FailedJob) -> None:
        """Count a failed attempt, whatever became of its job."""
        self.attempts += 1
        self.lost += sum(attempt.course.seconds.values())
        if attempt.time:
            self.failed.append(attempt.time)


def _count(counts: dict[str, Counter[str]], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        met = counts.setdefault(name, Counter())
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        met[text if text in met or len(met) < MOST_VALUES else OTHERS] += 1
