"""What benchmarks share: ways that take turns, their medians, a small table, and whether a target is met.

A benchmark is a module of this package with a `main() -> list[Target]` that prints its table; it ends with
`if __name__ == "__main__": sys.exit(finish(main()))`. Machines are never quiet: what is compared takes turns
within one run, and ratios count more than seconds.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

CHECKOUT = Path(__file__).resolve().parents[1]

Figure = TypeVar("Figure")


@dataclass(frozen=True)
class Target:
    """A figure that was asked for: what it is, what was measured, and its limit on one side."""

    what: str
    measured: float
    unit: str = ""
    at_most: float = float("inf")
    at_least: float = float("-inf")

    @property
    def is_met(self) -> bool:
        return self.at_least <= self.measured <= self.at_most

    def __str__(self) -> str:
        limit = f"at most {self.at_most:g}" if self.at_most != float("inf") else f"at least {self.at_least:g}"
        verdict = "met" if self.is_met else "MISSED"
        return f"target: {self.what} {limit}{self.unit}: {self.measured:.3g}{self.unit}, {verdict}"


@contextmanager
def versions(before: str, *paths: str) -> Iterator[dict[str, Path]]:
    """Yield the checkouts to compare: of a commit, with some of its paths, and this one.

    Only this one without git, or without that commit.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(["git", "archive", before, *paths], cwd=CHECKOUT, capture_output=True)
        if made.returncode:
            yield {"after": CHECKOUT}
            return
        subprocess.run(["tar", "-x", "-C", folder], input=made.stdout, check=True)
        yield {"before": Path(folder), "after": CHECKOUT}


def in_turns(ways: Mapping[str, Callable[[], Figure]], rounds: int) -> dict[str, list[Figure]]:
    """Measure every way once a round, so that what else the machine does falls on all alike.

    Every other round goes backwards: none is always the one after the same.
    """
    figures: dict[str, list[Figure]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            figures[name].append(ways[name]())
    return figures


def medians(figures: Mapping[str, Iterable[float]]) -> dict[str, float]:
    """Return the median of each way's figures."""
    return {name: median(values) for name, values in figures.items()}


def seconds_of(action: Callable[[], object]) -> float:
    """Return the wall seconds that an action takes."""
    started_at = time.perf_counter()
    action()
    return time.perf_counter() - started_at


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table as Markdown, so that it can stand in the docs as it is. Floats get three digits."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        return "| " + " | ".join([first, *(cell.strip().rjust(len(cell)) for cell in rest)]) + " |"

    print(f"\n{title} (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)\n")
    print(line(header), "|".join(["", "---", *("---:" for _ in header[1:]), ""]), sep="\n")
    print(*map(line, cells), sep="\n", flush=True)


def finish(targets: Iterable[Target]) -> int:
    """Print which targets are met; return the exit code: 1 where one is missed."""
    judged = list(targets)
    print("", *judged, sep="\n", flush=True)
    return 0 if all(target.is_met for target in judged) else 1


def _text(cell: object) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)
