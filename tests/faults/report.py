"""The result of a fault: injected, outcomes, problems; and the table of a whole campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HEAD = ("fault", "injected", "outcomes", "verdict", "seconds")
#: How many problems of each fault are shown; the first are enough.
MOST_SHOWN = 10


@dataclass
class Report:
    """`injected`: as counted by the proxy or the killer. Without problems, the fault is withstood."""

    injected: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems

    def expect(self, holds: object, otherwise: str) -> None:
        """Record a problem unless something holds."""
        if not holds:
            self.problems.append(otherwise)


@dataclass(frozen=True)
class Row:
    """One fault's line in the table."""

    name: str
    title: str
    report: Report
    seconds: float


def table(rows: Sequence[Row]) -> str:
    """Return the campaign's table as Markdown."""
    cells = [HEAD, tuple("---" for _ in HEAD), *(_cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def problems(rows: Iterable[Row]) -> str:
    """Return what was wrong, one line each; empty if nothing was."""
    lines = []
    for row in rows:
        found = row.report.problems
        lines += [f"{row.name}: {problem}" for problem in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            lines.append(f"{row.name}: and {len(found) - MOST_SHOWN} more")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    report = row.report
    verdict = "withstood" if report.good else f"BAD ({len(report.problems)})"
    return (
        f"{row.name} {row.title}",
        _counted(report.injected),
        _counted(report.outcomes),
        verdict,
        f"{row.seconds:.0f}",
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
