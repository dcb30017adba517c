"""Thumbnails that workers made, read from the bucket and written as files beside the page.

Each report has a folder of its own for them, so that an earlier page never shows those of a later one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from distributed_fiji.commands.reportfacts import ReportFacts
from distributed_fiji.plates import Place
from distributed_fiji.report.sheet import by_trouble
from distributed_fiji.report.thumbnails import (
    ByPlace,
    ShownThumbnails,
    as_png,
    at_most,
    file_name,
    index_of,
    kind_of,
    ranges_of,
)
from distributed_fiji.review.facts import Facts
from distributed_fiji.review.parallel import in_parallel
from distributed_fiji.terminal import Terminal

#: The folder beside the page; in it, each report's own is named by its time.
FOLDER = "thumbnails"
OURS = re.compile(r"\d{9,12}\Z", re.ASCII)

#: Bytes of names and ranges in the page, and jobs whose thumbnails are read.
INDEX_BYTES, MOST_JOBS = 150_000, 20_000


def write_thumbnails(
    target: Path, found: ReportFacts, facts: Facts, now: float, terminal: Terminal
) -> ShownThumbnails:
    """Write the thumbnails of a run, plates with the most trouble first, as many as the page has room for.

    Raises AwsError and OSError.
    """
    shown, left, more = ShownThumbnails(), INDEX_BYTES, MOST_JOBS
    wanted = {plate: jobs for plate in by_trouble(found.wells) if (jobs := _jobs_of(found, plate))}
    with terminal.counting("Reading thumbnails", sum(map(len, wanted.values()))) as progress:
        for number, (plate, jobs) in enumerate(wanted.items()):
            fits = left > 0 and len(jobs) <= more
            pictures = _read(facts, jobs) if fits else {}
            ranges = ranges_of(pictures)
            index = index_of(pictures, ranges, found.wells.size, f"{FOLDER}/{int(now)}/{number}")
            left -= len(json.dumps(index, separators=(",", ":"))) if fits else 0
            progress(len(jobs))
            if not fits or left < 0:
                shown.left_out += 1
            elif pictures:
                _write(target / str(index["folder"]), pictures, ranges)
                shown.plates[plate] = index
                shown.wells += len(pictures)
                more -= len(jobs)
    return shown


def remove_earlier(target: Path, now: float) -> None:
    """Remove the thumbnails of earlier reports in a folder; everything else stays."""
    for folder in (target / FOLDER).glob("*"):
        if OURS.match(folder.name) and folder.name != str(int(now)) and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _jobs_of(found: ReportFacts, plate: str) -> list[tuple[Place, str, str]]:
    """Return the place, the job and the run of what may have thumbnails on a plate, well by well."""
    wells = sorted(found.wells.plates[plate].items())
    return [(place, job, run) for place, well in wells for job, run in found.pictured.get(well, ())]


def _read(facts: Facts, jobs: list[tuple[Place, str, str]]) -> ByPlace:
    read = in_parallel(lambda one: (one[0], facts.thumbnails(one[1], one[2])), jobs)
    by_place = (
        (place, at_most(picture for _, pictures in met for picture in pictures))
        for place, met in groupby(read, key=lambda one: one[0])
    )
    return {place: pictures for place, pictures in by_place if pictures}


def _write(folder: Path, pictures: ByPlace, ranges: Mapping[Any, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(pictures, ranges):
        (folder / name).write_bytes(content)


def _files(pictures: ByPlace, ranges: Mapping[Any, Any]) -> Iterator[tuple[str, bytes]]:
    for place, thumbnails in pictures.items():
        for number, one in enumerate(thumbnails, 1):
            yield file_name(place, number), as_png(one, ranges.get(kind_of(one, place)))
