"""Two reports side by side: what was run, what became of each well, and how the measures differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from distributed_fiji.monitor.result import counted
from distributed_fiji.report.crate import DESCRIPTOR, ROOT
from distributed_fiji.report.sheet import ABOUT
from distributed_fiji.report.spread import correlation, is_usable, median

#: What of an entity tells what was run; the rest is when, and how many.
TELLING = ("identifier", "softwareVersion", "value")

#: Kinds of changes that are named, most frequent first.
MOST_CHANGES = 10

#: A row of a report's table by its columns, and rows by plate and well.
WellRow = Mapping[str, str]
WellRows = Mapping[tuple[str, str], WellRow]


@dataclass(frozen=True)
class Reported:
    """A report as it is compared. `what`: what was run, by name; `wells`: its table."""

    what: Mapping[str, str]
    wells: WellRows


def what_in(crate: Mapping[str, Any]) -> dict[str, str]:
    """Return what was run, by name, as a report's crate says; what is not of its form is left out."""
    graph = crate.get("@graph")
    found = {}
    for entity in graph if isinstance(graph, list) else ():
        if not isinstance(entity, dict) or entity.get("@id") in (ROOT, DESCRIPTOR):
            continue
        for key in TELLING:
            if isinstance(value := entity.get(key), str):
                kind = {"identifier": "", "softwareVersion": "'s version", "value": ", a parameter"}[key]
                found[f"{_role(entity)}{kind}"] = value
    return found


def _role(entity: Mapping[str, Any]) -> str:
    """Return how an entity is called in both reports: the script has another name in each."""
    return "script" if "softwareRequirements" in entity else str(entity.get("name"))


def rows_in(rows: Iterable[WellRow]) -> WellRows:
    """Return the rows of a report's table by plate and well."""
    return {(row.get("Plate") or "", row.get("Well") or ""): row for row in rows}


def lines_of(first: Reported, second: Reported) -> Iterator[str]:
    """Yield what is the same in two reports and what differs, each in a line."""
    yield from _what_differs(first.what, second.what)
    both = first.wells.keys() & second.wells.keys()
    only = len(first.wells) - len(both), len(second.wells) - len(both)
    yield f"Wells: {len(both):,} in both, {only[0]:,} only in the first, {only[1]:,} only in the second"
    pairs = [(first.wells[key], second.wells[key]) for key in sorted(both)]
    yield from _statuses(pairs)
    yield from _inputs(pairs)
    columns = dict.fromkeys(name for pair in pairs[:1] for row in pair for name in row if name not in ABOUT)
    for name in columns:
        yield _measure(name, pairs)


def _what_differs(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[str]:
    names = [*dict.fromkeys([*first, *second])]
    differing = [name for name in names if first.get(name) != second.get(name)]
    yield f"What was run: {len(names) - len(differing)} of {len(names)} the same"
    for name in differing:
        yield f"  {name}: {first.get(name, 'none')} → {second.get(name, 'none')}"


def _statuses(pairs: list[tuple[WellRow, WellRow]]) -> Iterator[str]:
    changes = Counter(
        (a.get("Status"), b.get("Status")) for a, b in pairs if a.get("Status") != b.get("Status")
    )
    yield f"  what became of them: {len(pairs) - changes.total():,} the same, {changes.total():,} differ"
    for (before, after), count in changes.most_common(MOST_CHANGES):
        yield f"    {counted(count, 'well')}: {before} → {after}"


def _inputs(pairs: list[tuple[WellRow, WellRow]]) -> Iterator[str]:
    known = [(a["Inputs"], b["Inputs"]) for a, b in pairs if a.get("Inputs") and b.get("Inputs")]
    same = sum(a == b for a, b in known)
    yield (
        f"  inputs: {same:,} the same, {len(known) - same:,} differ, {len(pairs) - len(known):,} not known"
    )


def _measure(name: str, pairs: list[tuple[WellRow, WellRow]]) -> str:
    """Return how a measure differs: of how many wells, by how much in the median, where most."""
    found = [(a, _number(a, name), _number(b, name)) for a, b in pairs]
    numbers = [(row, one, other) for row, one, other in found if one is not None and other is not None]
    if not numbers:
        return f"  {name}: in no well of both"
    differing = [(abs(other - one), row, one, other) for row, one, other in numbers if one != other]
    said = f"  {name}: {len(numbers) - len(differing):,} the same, {len(differing):,} differ"
    if not differing:
        return said
    change = median([other - one for _, one, other in numbers])
    agree = correlation([(one, other) for _, one, other in numbers])
    _, row, one, other = max(differing, key=lambda each: each[0])
    where = f"{row.get('Plate')} {row.get('Well')}".strip()
    alike = "" if agree is None else f", correlation {agree:.4f}"
    return f"{said}; median {change:+.4g}{alike}; most in {where}: {one:.6g} → {other:.6g}"


def _number(row: WellRow, name: str) -> float | None:
    try:
        number = float(row.get(name) or "x")
    except ValueError:
        return None
    return number if is_usable(number) else None
