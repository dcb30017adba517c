"""Wells as the page draws them, within a number of bytes, and as a table that is exact. Pure.

A plate's statuses are a letter for each well, row by row, runs of one letter shortened (`380d4x`). A
measure's numbers follow the wells that have a job: with six digits where wells are few, else as a byte for
each, 0 for none, 1 to 255 for where it lies in the range from the measure's `low` to its `high`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from distributed_fiji.plates import SIZES, Place, well_name
from distributed_fiji.report.spread import Spread, median, spread_of
from distributed_fiji.report.wells import (
    STATUSES,
    Measure,
    Wells,
    agreements,
    edge_effect,
    replicates,
)
from distributed_fiji.review.wells import WellStatus
from worker.contract.text import one_line

#: The letter of each status. `w`: done with warnings; `-`: no job was submitted for it.
LETTERS: Mapping[WellStatus, str] = {
    WellStatus.GIVEN_UP: "x",
    WellStatus.INPUT_MISSING: "i",
    WellStatus.FAILED: "f",
    WellStatus.NOT_FINISHED: "p",
    WellStatus.NOT_SUBMITTED: "-",
    WellStatus.NO_TABLE: "t",
    WellStatus.NO_OBJECTS: "n",
    WellStatus.DONE: "d",
}
WARNED = "w"

#: Up to so many wells their numbers stand in the page with six digits, at about eight bytes each.
EXACT = 20_000
EXACT_BYTES, BINNED_BYTES = 8.0, 4 / 3
#: Bytes of all numbers, for exact and binned ones, and measures at most.
BYTES, MOST_MEASURES = {True: 500_000, False: 4_050_000}, 12
#: Bytes of statuses and causes: of more plates than fit, those with the most wells that are not done.
STATUS_BYTES, MOST_CAUSES = 700_000, 20_000


@dataclass(frozen=True)
class Summary:
    """A measure over all wells. `edges`: of the plates that have one; `agreement`: median of replicates'."""

    name: str
    spread: Spread
    edges: Mapping[str, float]
    agreement: float | None

    @property
    def edge(self) -> float | None:
        """The median of the plates' edge effects."""
        return median(self.edges.values()) if self.edges else None


@dataclass(frozen=True)
class WellViews:
    """What the page shows of single wells: `thumbnails` by plate, and `tails` of consoles by well."""

    thumbnails: Mapping[str, Any] = field(default_factory=dict)
    tails: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def texts(self) -> dict[str, int]:
        """The texts of all tails, each with its number."""
        return {text: number for number, text in enumerate(dict.fromkeys(self.tails.values()))}


@dataclass(frozen=True)
class Sheet:
    """What the page shows of the wells. `left_out`: plates and measures that stand only in the table."""

    data: dict[str, Any]
    summaries: list[Summary]
    left_out: tuple[int, int]


def sheet_of(wells: Wells, status_bytes: int = STATUS_BYTES, views: WellViews | None = None) -> Sheet | None:
    """Return the wells as the page draws them; None where no job has a well.

    `status_bytes`: what statuses may take; plates beyond that are not drawn.
    """
    if not wells.size:
        return None
    exact = len(wells.statuses) <= EXACT
    ordered = sorted(wells.measures.values(), key=lambda measure: measure.is_aside)
    summaries = [one for measure in ordered if (one := _summary(wells, measure))]
    each = len(wells.statuses) * (EXACT_BYTES if exact else BINNED_BYTES)
    shown = summaries[: min(MOST_MEASURES, int(BYTES[exact] // each))]
    views = views or WellViews()
    drawn = zip(by_trouble(wells), _plates(wells, shown, exact, status_bytes), strict=False)
    plates = [one | _views_of(wells, plate, views) for plate, one in drawn]
    data = {
        "size": wells.size,
        "exact": exact,
        "measures": [{"name": one_line(one.name), **_range(one.spread)} for one in shown],
        "plates": plates,
        "tails": list(views.texts),
    }
    return Sheet(data, summaries, (len(wells.plates) - len(plates), len(summaries) - len(shown)))


def _range(spread: Spread) -> dict[str, float]:
    return {"low": spread.low, "high": spread.high, "least": spread.least, "most": spread.most}


def _summary(wells: Wells, measure: Measure) -> Summary | None:
    """Return a measure over all wells; None where none has it."""
    by_plate = {plate: wells.values(measure, plate) for plate in wells.plates}
    spread = spread_of(value for values in by_plate.values() for value in values.values())
    if spread is None:
        return None
    found = ((plate, edge_effect(values, wells.size)) for plate, values in by_plate.items())
    edges = {plate: edge for plate, edge in found if edge is not None}
    agree = list(agreements(by_plate, replicates(by_plate)))
    return Summary(measure.name, spread, edges, median(agree) if agree else None)


def _plates(wells: Wells, shown: Sequence[Summary], exact: bool, left: int) -> Iterator[dict[str, Any]]:
    """Yield plates, those with the most trouble first, until their statuses have taken their bytes."""
    group_of = {plate: name for name, met in replicates(wells.plates).items() for plate in met}
    causes = 0
    for plate in by_trouble(wells):
        letters = shortened(letters_of(wells, plate))
        left -= len(letters) + len(plate) + 40
        if left < 0:
            return
        met = _causes(wells, plate) if causes < MOST_CAUSES else {}
        causes += len(met)
        order = [well for _, well in sorted(wells.plates[plate].items())]
        numbers = [_numbers(wells.measures[one.name], order, one.spread, exact) for one in shown]
        edges = [_short(one.edges.get(plate)) for one in shown]
        yield {
            "name": one_line(plate),
            "group": one_line(group_of[plate]),
            "bad": trouble(wells, plate),
            "wells": letters,
            "causes": met,
            "values": numbers,
            "edges": edges,
        }


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.3g}")


def _views_of(wells: Wells, plate: str, views: WellViews) -> dict[str, Any]:
    """Return what of single wells a plate has: thumbnails, and the numbers of tails by position."""
    columns = SIZES[wells.size][1]
    met = ((place, views.tails.get(well)) for place, well in wells.plates[plate].items())
    tails = {_position(place, columns): views.texts[text] for place, text in met if text}
    found = {"tails": tails, "thumbnails": views.thumbnails.get(plate)}
    return {name: value for name, value in found.items() if value}


def by_trouble(wells: Wells) -> list[str]:
    """Return the plates, those with the most wells that are not done first."""
    return sorted(wells.plates, key=lambda plate: (-trouble(wells, plate), plate))


def trouble(wells: Wells, plate: str) -> int:
    """Return how many wells of a plate have a job that is not done."""
    done = STATUSES.index(WellStatus.NO_TABLE)
    return sum(wells.statuses[well] < done for well in wells.plates[plate].values())


def letter_of(wells: Wells, well: int) -> str:
    """Return the letter of a well that has a job."""
    status = STATUSES[wells.statuses[well]]
    return WARNED if status is WellStatus.DONE and well in wells.warned else LETTERS[status]


def letters_of(wells: Wells, plate: str) -> str:
    """Return a letter for each well of a plate, row by row."""
    rows, columns = SIZES[wells.size]
    letters = [LETTERS[WellStatus.NOT_SUBMITTED]] * (rows * columns)
    for place, well in wells.plates[plate].items():
        letters[_position(place, columns)] = letter_of(wells, well)
    return "".join(letters)


def shortened(letters: str) -> str:
    """Return letters with how often each comes in a row: `ddd-x` is `3d-x`."""
    runs = ((letter, sum(1 for _ in run)) for letter, run in groupby(letters))
    return "".join(f"{count if count > 1 else ''}{letter}" for letter, count in runs)


def _position(place: Place, columns: int) -> int:
    return (place[0] - 1) * columns + place[1] - 1


def _causes(wells: Wells, plate: str) -> dict[int, int]:
    """Return the number of the group of failures, from 1, of each well that has one, by its position."""
    columns = SIZES[wells.size][1]
    found = ((place, wells.causes.get(well)) for place, well in wells.plates[plate].items())
    return {_position(place, columns): cause + 1 for place, cause in found if cause is not None}


def _numbers(measure: Measure, order: Sequence[int], spread: Spread, exact: bool) -> Any:
    """Return the numbers of wells in an order."""
    values = [measure.value(well) for well in order]
    if exact:
        return [float(f"{value:.6g}") if value == value else None for value in values]
    return b64encode(bytes(_bin(value, spread) for value in values)).decode()


def _bin(value: float, spread: Spread) -> int:
    if value != value:
        return 0
    width = spread.high - spread.low
    share = (value - spread.low) / width if width else 0.0
    return 1 + round(254 * min(1.0, max(0.0, share)))


#: The columns of the table before the measures.
ABOUT = ("Plate", "Well", "Status", "Warnings", "Cause", "Jobs", "Inputs")


def table_rows(wells: Wells) -> Iterator[list[Any]]:
    """Yield the header and a row for each well of each plate, those without a job between the others too."""
    measures = list(wells.measures.values())
    yield [
        "Plate",
        "Well",
        "Status",
        "Warnings",
        "Cause",
        "Jobs",
        "Inputs",
        *(measure.name for measure in measures),
    ]
    expected = sorted({place for met in wells.plates.values() for place in met})
    for plate, met in sorted(wells.plates.items()):
        for place in expected:
            well = met.get(place)
            about = [plate, well_name(place)]
            yield about + (_row(wells, well, measures) if well is not None else _absent(len(measures)))


def _row(wells: Wells, well: int, measures: Sequence[Measure]) -> list[Any]:
    numbers = [measure.value(well) for measure in measures]
    cause = wells.causes.get(well)
    return [
        STATUSES[wells.statuses[well]].value,
        "yes" if well in wells.warned else "",
        "" if cause is None else cause + 1,
        wells.jobs[well],
        f"{wells.inputs[well]:016x}" if wells.inputs[well] else "",
        *("" if value != value else int(value) if value.is_integer() else value for value in numbers),
    ]


def _absent(measures: int) -> list[Any]:
    return [WellStatus.NOT_SUBMITTED.value, "", "", 0, "", *[""] * measures]
