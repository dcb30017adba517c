"""A row for each expected well, and what became of it, distinguishing the reasons for no result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from distributed_fiji.plates import SIZES, Place, place_of, places, plate_of, rectangle, well_name
from worker.contract.jobs import FailureClass


class WellStatus(str, Enum):
    """What became of a job or a well, the worst first. A well with several jobs shows its worst one."""

    GIVEN_UP = "given up"
    INPUT_MISSING = "input missing"
    FAILED = "failed"
    NOT_FINISHED = "not finished"
    NOT_SUBMITTED = "not submitted"
    NO_TABLE = "done without a table"
    NO_OBJECTS = "done without objects"
    DONE = "done"


ORDER = {status: number for number, status in enumerate(WellStatus)}


@dataclass(frozen=True)
class Ended:
    """What became of one job. `objects`: rows of its tables; None if it has none."""

    job_id: str
    metadata: Mapping[str, Any]
    status: WellStatus
    cause: str = ""
    objects: int | None = None


def status_of_failure(failure: str, *, given_up: bool) -> WellStatus:
    """Return the status of a job whose last attempt failed with a class."""
    if failure == FailureClass.INPUT_MISSING.value:
        return WellStatus.INPUT_MISSING
    return WellStatus.GIVEN_UP if given_up else WellStatus.FAILED


def status_of_tables(counts: list[int]) -> WellStatus:
    """Return the status of a done job, by the rows of its tables."""
    if not counts:
        return WellStatus.NO_TABLE
    return WellStatus.DONE if sum(counts) else WellStatus.NO_OBJECTS


def well_rows(ended: Iterable[Ended], size: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield a row for each well, plate by plate, and then one for each job without a well.

    Expected are the submitted wells, and each well of a plate with `size` wells or, without a size, of the
    rectangle that all plates' wells span.
    """
    wells: dict[str, dict[Place, list[Ended]]] = {}
    others = []
    for one in ended:
        if place := place_of(one.metadata):
            wells.setdefault(plate_of(one.metadata), {}).setdefault(place, []).append(one)
        else:
            others.append(one)
    expected = _expected(wells, size)
    for plate, met in sorted(wells.items()):
        for place in sorted(expected | met.keys()):
            yield {"Plate": plate, "Well": well_name(place)} | _row(met.get(place, []))
    for one in others:
        yield {"Job": one.job_id} | dict(one.metadata) | _row([one])


def _expected(wells: Mapping[str, Mapping[Place, Any]], size: int | None) -> set[Place]:
    if size:
        rows, columns = SIZES[size]
        return set(places(range(1, rows + 1), range(1, columns + 1)))
    return rectangle(place for met in wells.values() for place in met)


def _row(jobs: list[Ended]) -> dict[str, Any]:
    """Return the row of the well that these jobs share."""
    counts = [one.objects for one in jobs if one.objects is not None]
    if not jobs:
        return {"Status": WellStatus.NOT_SUBMITTED.value, "Cause": "", "Jobs": 0, "Objects": ""}
    worst = min(jobs, key=lambda one: ORDER[one.status])
    return {
        "Status": worst.status.value,
        "Cause": worst.cause,
        "Jobs": len(jobs),
        "Objects": sum(counts) if counts else "",
    }
