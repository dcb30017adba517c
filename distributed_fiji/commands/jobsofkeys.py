"""Which images make up one job, by names in their keys, and the patterns that give a job exactly these.

Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed_fiji.commands.keypatterns import Field, KeyPattern, TooManyReadings, read_key_pattern

#: Names that differ among the images of one well, so they make no separate jobs unless --per says so: sites,
#: channels, planes and time points, as in the file names of Opera or Incucyte.
# fmt: off
WITHIN_A_JOB = frozenset((
    "site", "field", "fieldofview", "fov", "view", "tile", "s", "channel", "wavelength", "wave",
    "dye", "stain", "ch", "c", "z", "zslice", "zstep", "zindex", "zplane", "plane", "slice",
    "stack", "t", "time", "timepoint", "timestamp", "frame", "guid",
))
# fmt: on
#: Names of rows, with which `c` means a column.
ROWS = frozenset({"r", "row"})
#: The most values of a name to write out if wildcards would match too much.
MOST_WRITTEN_OUT = 50
#: The most values of a name to show.
MOST_SHOWN = 8

Values = tuple[str, ...]


def default_per(names: Sequence[str]) -> list[str]:
    """Return the names that make a job: all but those that differ within a well, or all if none is left."""
    plain = {name: name.casefold().replace("_", "") for name in names}
    within = WITHIN_A_JOB - ({"c"} if ROWS & set(plain.values()) else set())
    return [name for name in names if plain[name] not in within] or list(names)


@dataclass
class Found:
    """The contents of a listing: jobs with their numbers of images, each key's job, and keys in no job.

    `within`: the values of each name that makes no job, as many as can be shown.
    """

    jobs: dict[Values, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    owners: list[Values | None] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    within: dict[str, set[str]] = field(default_factory=dict)


def find_jobs(pattern: KeyPattern, keys: Iterable[str], per: Sequence[str]) -> Found:
    """Return the jobs whose images these keys are. Keys of folders do not count."""
    places = [pattern.names.index(name) for name in per]
    rest = {name: place for place, name in enumerate(pattern.names) if name not in per}
    found, known = Found(within={name: set() for name in rest}), dict[Values, Values]()
    for key in keys:
        if key.endswith("/"):
            continue
        readings, too_many = _readings(pattern, key)
        owner = None
        if too_many:
            found.ambiguous.append(too_many)
        elif len(readings) == 1:
            values = tuple(readings[0][place] for place in places)
            owner = known.setdefault(values, values)
            found.jobs[owner] = found.jobs.get(owner, 0) + 1
            for name, place in rest.items():
                if len(found.within[name]) <= MOST_SHOWN:
                    found.within[name].add(readings[0][place])
        elif readings:
            found.ambiguous.append(_two_ways(pattern.names, key, readings))
        else:
            found.unfit.append(key)
        found.keys.append(key)
        found.owners.append(owner)
    return found


def _readings(pattern: KeyPattern, key: str) -> tuple[list[Values], str]:
    """Return the ways to read a key, or a sentence if there are too many."""
    try:
        return pattern.readings(key), ""
    except TooManyReadings as error:
        return [], str(error)


def _two_ways(names: Sequence[str], key: str, readings: Sequence[Values]) -> str:
    one, other = readings[0], readings[1]
    at = next(place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
    return (
        f"{key!r} can be read in two ways: {{{names[at]}}} is {one[at]!r} or {other[at]!r}. Say what it"
        f" takes: {{{names[at]}:d}} digits, {{{names[at]}:2}} two characters, {{Well:well}} a well as A01"
    )


def shown_within(found: Found) -> str:
    """Return what differs within a job, with its values, to show anything that should not be there."""
    parts = []
    for name, values in found.within.items():
        some = sorted(values, key=lambda value: _as_people_count((value,)))[:MOST_SHOWN]
        parts.append(f"{name} {', '.join(some)}{', …' if len(values) > MOST_SHOWN else ''}")
    return "; ".join(parts)


def uneven(found: Found) -> tuple[int, list[str]]:
    """Return how many images most jobs have, and the jobs with a different number."""
    usual = Counter(found.jobs.values()).most_common(1)[0][0]
    others = [(values, images) for values, images in found.jobs.items() if images != usual]
    others.sort(key=lambda one: _as_people_count(one[0]))
    return usual, [f"{' '.join(values)} ({images})" for values, images in others]


def groups_of(jobs: Iterable[Values], per: Sequence[str]) -> list[dict[str, Any]]:
    """Return a group of metadata for each job, in natural order: s2 before s10."""
    return [dict(zip(per, values, strict=True)) for values in sorted(jobs, key=_as_people_count)]


def _as_people_count(values: Values) -> list[list[tuple[bool, int, str]]]:
    return [
        [
            (not piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece)
            for piece in re.split(r"([0-9]+)", value)
            if piece
        ]
        for value in values
    ]


def value_problems_of(found: Found, per: Sequence[str]) -> list[str]:
    """Name jobs whose values `inputs` would read as wildcards."""
    return [
        f"{{{name}}} is {value!r}, and * and ? are wildcards in a job file's inputs: rename these files"
        for values in found.jobs
        for name, value in zip(per, values, strict=True)
        if "*" in value or "?" in value
    ]


def choose_inputs(pattern: KeyPattern, found: Found, per: Sequence[str]) -> tuple[list[str], str]:
    """Return input patterns that give each job exactly its images; or none, and what the best would do.

    First try `*` for what differs within a job, then as many `?` as its values have characters, then each
    value separately, if all jobs have the same values.
    """
    wrong = ""
    for fill in _ways_to_fill(pattern, found, per):
        inputs, tests = zip(*((pattern.text(one), pattern.text(other)) for one, other in fill), strict=True)
        wrong = first_stray(pattern, list(dict.fromkeys(tests)), found, per)
        if not wrong:
            return list(dict.fromkeys(inputs)), ""
    return [], wrong


Fill = Callable[[Field], str]


def _ways_to_fill(pattern: KeyPattern, found: Found, per: Sequence[str]) -> Iterator[list[tuple[Fill, Fill]]]:
    """Yield ways to write the inputs: for each pattern of a way, its written and its tested form."""

    def both(within: Callable[[str], str]) -> tuple[Fill, Fill]:
        return (
            lambda one: f"{{{one.name}}}" if one.name in per else within(one.name),
            lambda one: str(one) if one.name in per else within(one.name),
        )

    yield [both(lambda name: "*")]
    rest = [name for name in pattern.names if name not in per]
    if not rest:
        return
    by_job: dict[Values, set[Values]] = {}
    for key, owner in zip(found.keys, found.owners, strict=True):
        if owner is not None:
            values = dict(zip(pattern.names, pattern.readings(key)[0], strict=True))
            by_job.setdefault(owner, set()).add(tuple(values[name] for name in rest))
    every = set().union(*by_job.values())
    lengths = {name: {len(values[place]) for values in every} for place, name in enumerate(rest)}
    marks = {name: "?" * min(many) if len(many) == 1 else "*" for name, many in lengths.items()}
    yield [both(lambda name: marks[name])]
    are_same = len(every) <= MOST_WRITTEN_OUT and all(values == every for values in by_job.values())
    if are_same and not any(set("*?{}") & set("".join(values)) for values in every):
        yield [both(dict(zip(rest, values, strict=True)).__getitem__) for values in sorted(every)]


def first_stray(pattern: KeyPattern, inputs: Sequence[str], found: Found, per: Sequence[str]) -> str:
    """Return a sentence about a key that input patterns would give to the wrong job; else ''.

    A job's patterns match a key only if the key can be read by them with the job's values.
    """
    if not any(mark in text for text in inputs for mark in "*?"):
        return ""
    for text in inputs:
        test = read_key_pattern(text)
        places = [test.names.index(name) for name in per]
        for key, owner in zip(found.keys, found.owners, strict=True):
            readings, too_many = _readings(test, key)
            if too_many:
                return too_many
            for reading in readings:
                values = tuple(reading[place] for place in places)
                if values != owner and values in found.jobs:
                    job = ", ".join(f"{name} {value}" for name, value in zip(per, values, strict=True))
                    return f"the job of {job} would also get {key!r}"
    return ""
