"""An estimate, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from distributed_fiji.aws.pricelist import BANDS
from distributed_fiji.commands.costmodel import Quote, Span
from distributed_fiji.commands.estimate import Estimate

COLUMNS = (
    "machine type",
    "vCPU",
    "usable MiB",
    "tasks",
    "spot now",
    "30 days",
    "on demand",
    "interrupted",
    "hours",
    "total",
    "per 1,000 jobs",
)


def dollars(amount: float) -> str:
    """Return an amount with the digits that matter: cents, and two more below a dollar."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def span_text(span: Span, to: str = "–") -> str:
    """Return a range as likely (low–high). `to`: what stands between low and high."""
    return f"{dollars(span.likely)} ({dollars(span.low)}{to}{dollars(span.high)})"


def estimate_table(estimate: Estimate) -> Table:
    """Return a row for each type of the fleet, and for the best others below a line.

    On a narrow terminal cells take more lines, and none is cut.
    """
    widest = {name: max(map(len, name.split())) for name in COLUMNS}
    columns = [Column(name, min_width=width, overflow="fold") for name, width in widest.items()]
    table = Table(*columns, box=None, pad_edge=False)
    for number, quote in enumerate((*estimate.fleet, *estimate.others)):
        if number == len(estimate.fleet):
            table.add_section()
        table.add_row(*_cells(quote), style="dim" if number >= len(estimate.fleet) else "")
    return table


def _cells(quote: Quote) -> list[str]:
    offer, kind = quote.offer, quote.offer.kind
    spot = " ".join(f"{zone[-1]}:{price:.4f}" for zone, price in offer.spot.items())
    hours = quote.hours
    return [
        kind.name,
        str(kind.vcpus or "?"),
        str(kind.usable_mib if kind.memory_mib else "?"),
        str(quote.shape.tasks),
        spot or "unknown",
        f"{offer.month[0]:.4f} to {offer.month[1]:.4f}" if offer.month else "unknown",
        "unknown" if offer.on_demand is None else f"{offer.on_demand:.4f}",
        "unknown" if offer.band is None else BANDS[offer.band][0],
        f"{hours.likely:.2f} ({hours.low:.2f} to {hours.high:.2f})",
        span_text(quote.total, " to "),
        dollars(quote.total.likely / quote.work.jobs * 1000),
    ]


def estimate_lines(estimate: Estimate) -> list[str]:
    """Return the lines below the table: the parts of the total, and each source with its age."""
    first = estimate.fleet[0]
    parts = sorted(first.items.items(), key=lambda item: -item[1].likely)
    made = ", ".join(f"{name} {dollars(span.likely)}" for name, span in parts if span.likely >= 0.00005)
    unknown = "" if estimate.work.output_bytes is not None else " Storage of the outputs is not counted."
    return [
        f"{estimate.work.jobs:,} jobs on {first.offer.kind.name}: {made}.{unknown}",
        *(f"  {source}" for source in estimate.sources),
    ]


def show_estimate(estimate: Estimate, console: Console, tell: Callable[[str], None]) -> None:
    """Print the table, and report the lines below it."""
    console.print(estimate_table(estimate))
    for line in estimate_lines(estimate):
        tell(line)


def as_document(estimate: Estimate) -> dict[str, Any]:
    """Return the estimate for --json: dollars and hours as [low, likely, high]."""
    return {
        "jobs": estimate.work.jobs,
        "seconds_per_job": _ends(estimate.work.seconds),
        "guess": estimate.work.guess,
        "sources": list(estimate.sources),
        "placement_score": estimate.score,
        "total": _ends(estimate.total),
        "rows": [
            _row(quote, of_fleet=quote in estimate.fleet) for quote in (*estimate.fleet, *estimate.others)
        ],
    }


def _row(quote: Quote, *, of_fleet: bool) -> dict[str, Any]:
    offer, kind = quote.offer, quote.offer.kind
    return {
        "machine_type": kind.name,
        "of_fleet": of_fleet,
        "vcpus": kind.vcpus or None,
        "usable_mib": kind.usable_mib if kind.memory_mib else None,
        "tasks": quote.shape.tasks,
        "spot": dict(offer.spot),
        "spot_30_days": offer.month,
        "on_demand": offer.on_demand,
        "interrupted": None if offer.band is None else BANDS[offer.band][0],
        "hours": _ends(quote.hours),
        "total": _ends(quote.total),
        "items": {name: _ends(span) for name, span in quote.items.items()},
    }


def _ends(span: Span) -> list[float]:
    return [round(end, 6) for end in (span.low, span.likely, span.high)]
