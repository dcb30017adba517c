"""The wells of a run's plates: what became of each, and a number for each of some measures. Pure.

Numbers stand in arrays, by the order in which wells were met: a million wells take some hundred megabytes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

from distributed_fiji.plates import SIZES, Place, place_of, plate_of
from distributed_fiji.report.spread import correlation, deviation, is_usable, median
from distributed_fiji.review.wells import ORDER, WellStatus

#: Rows and columns of the largest plate; what lies beyond is no well of a plate.
MOST = SIZES[1536]

STATUSES = tuple(WellStatus)

#: How the name of a plate ends that is one of several replicates.
REPLICATE = re.compile(r"(?:[ _.-]r|[ _.-]?rep(?:l|licate)?)[ _.-]?\d{1,2}\Z", re.IGNORECASE)

#: Wells that an edge, and what lies inside it, must have at least for a figure.
FEWEST = 4


@dataclass
class Measure:
    """A number of each well. `is_sum`: of its jobs; else their mean, each job with its weight.

    `is_aside`: of the run and not of what is in the images; such a measure gives way where not all fit.
    """

    name: str
    is_sum: bool = False
    is_aside: bool = False
    sums: array[float] = field(default_factory=lambda: array("d"))
    weights: array[float] = field(default_factory=lambda: array("d"))

    def add(self, well: int, total: float, weight: float) -> None:
        """Add a job's: the sum of its numbers, and how many there are."""
        if is_usable(total) and weight:
            self._reach(well)
            self.sums[well] += total
            self.weights[well] += weight

    def value(self, well: int) -> float:
        """Return the number of a well; NaN where it has none."""
        if well >= len(self.weights) or not self.weights[well]:
            return nan
        return self.sums[well] if self.is_sum else self.sums[well] / self.weights[well]

    def _reach(self, well: int) -> None:
        lacking = well + 1 - len(self.sums)
        if lacking > 0:
            self.sums.extend([0.0] * lacking)
            self.weights.extend([0.0] * lacking)


@dataclass
class Wells:
    """Wells by plate and place, each with a number under which arrays know it.

    `statuses`: index into STATUSES, of a well's worst job. `inputs`: the same number for the same inputs.
    `causes`: group of the failures of a well, from 0.
    """

    plates: dict[str, dict[Place, int]] = field(default_factory=dict)
    statuses: bytearray = field(default_factory=bytearray)
    jobs: array[int] = field(default_factory=lambda: array("L"))
    inputs: array[int] = field(default_factory=lambda: array("Q"))
    warned: set[int] = field(default_factory=set)
    causes: dict[int, int] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    _extent: Place = (0, 0)

    def well(self, metadata: Mapping[str, Any]) -> int | None:
        """Return the number of the well in a job's metadata; None where there is none on any plate."""
        place = place_of(metadata)
        if place is None or place[0] > MOST[0] or place[1] > MOST[1]:
            return None
        wells = self.plates.setdefault(plate_of(metadata), {})
        if place not in wells:
            wells[place] = len(self.statuses)
            self._extent = max(self._extent[0], place[0]), max(self._extent[1], place[1])
            self.statuses.append(ORDER[WellStatus.DONE])
            self.jobs.append(0)
            self.inputs.append(0)
        return wells[place]

    def add(
        self,
        well: int,
        status: WellStatus,
        *,
        is_warned: bool = False,
        cause: int | None = None,
        inputs: int = 0,
    ) -> None:
        """Enter what became of a job of a well; a well of several jobs is as its worst one.

        `inputs`: a number that is the same for the same inputs; those of several jobs make one.
        """
        self.jobs[well] += 1
        self.inputs[well] = (self.inputs[well] + inputs) % 2**64
        if is_warned:
            self.warned.add(well)
        if ORDER[status] < self.statuses[well] or self.jobs[well] == 1:
            self.statuses[well] = ORDER[status]
            if cause is not None:
                self.causes[well] = cause

    def measure(self, name: str, *, is_sum: bool = False, is_aside: bool = False) -> Measure:
        """Return a measure by its name, made where it is new."""
        if name not in self.measures:
            self.measures[name] = Measure(name, is_sum, is_aside)
        return self.measures[name]

    @property
    def size(self) -> int:
        """How many wells a plate has: of the smallest usual plate on which all fit; 0: there are no wells."""
        rows, columns = self._extent
        if not rows:
            return 0
        return next(size for size in sorted(SIZES) if rows <= SIZES[size][0] and columns <= SIZES[size][1])

    def values(self, measure: Measure, plate: str) -> dict[Place, float]:
        """Return the numbers of a plate's wells that have one."""
        found = ((place, measure.value(well)) for place, well in self.plates[plate].items())
        return {place: value for place, value in found if value == value}


def edge_effect(values: Mapping[Place, float], size: int) -> float | None:
    """Return by how many deviations of the inner wells the median of a plate's outermost ones differs.

    None where either has too few wells, or the inner ones are all alike.
    """
    rows, columns = SIZES[size]
    edge = [value for (row, column), value in values.items() if row in (1, rows) or column in (1, columns)]
    inner = [value for (row, column), value in values.items() if 1 < row < rows and 1 < column < columns]
    if len(edge) < FEWEST or len(inner) < FEWEST:
        return None
    spread = deviation(inner)
    found = (median(edge) - median(inner)) / spread if spread else nan
    return found if is_usable(found) else None


def replicates(plates: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return plates by what their names have in common but for `_rep1`, `R2` and the like."""
    groups: dict[str, list[str]] = {}
    for plate in sorted(plates):
        groups.setdefault(REPLICATE.sub("", plate) or plate, []).append(plate)
    return groups


def agreements(
    by_plate: Mapping[str, Mapping[Place, float]], groups: Mapping[str, list[str]]
) -> Iterator[float]:
    """Yield the correlation of each group's first two replicates, well by well."""
    for plates in groups.values():
        if len(plates) > 1:
            first, second = (by_plate[plate] for plate in plates[:2])
            found = correlation([(value, second[place]) for place, value in first.items() if place in second])
            if found is not None:
                yield found
