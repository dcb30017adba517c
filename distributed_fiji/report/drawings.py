"""Drawings of a run as SVG: machines and jobs over time, and how memory is spread. Pure.

Their size does not grow with the run: times are counted in bins. Nothing in them is a text of others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from markupsafe import Markup

#: Bins of a drawing, its width, the height of one band of it, and what is kept free for words.
BINS, WIDTH, HEIGHT, LEFT, GAP = 96, 720, 90, 56, 22


@dataclass(frozen=True)
class Band:
    """One row of a drawing. `series`: a class of the style sheet and a number for each bin, stacked."""

    title: str
    series: Sequence[tuple[str, Sequence[float]]]

    @property
    def most(self) -> float:
        columns = zip(*(numbers for _, numbers in self.series), strict=True)
        return max((sum(column) for column in columns), default=0.0)


def counted_in(times: Iterable[float], begin: float, end: float, bins: int = BINS) -> list[float]:
    """Return how many times lie in each bin; one that is outside counts in the nearest bin."""
    counts = [0.0] * bins
    width = (end - begin) / bins or 1.0
    for time in times:
        counts[min(bins - 1, max(0, int((time - begin) / width)))] += 1
    return counts


def present_in(
    stays: Iterable[tuple[float, float]], begin: float, end: float, bins: int = BINS
) -> list[float]:
    """Return how many stays there are in the middle of each bin."""
    listed = list(stays)
    firsts, lasts = sorted(first for first, _ in listed), sorted(last for _, last in listed)
    middles = (begin + (place + 0.5) * (end - begin) / bins for place in range(bins))
    return [float(bisect_right(firsts, one) - bisect_right(lasts, one)) for one in middles]


def timeline(
    stays: Sequence[tuple[float, float]], done: Sequence[float], failed: Sequence[float], begin: float
) -> Markup:
    """Return machines, and jobs that ended, over time; '' where nothing has a time. Seconds since 1970."""
    ends = [last for _, last in stays] + [max(times) for times in (done, failed) if times]
    starts = [first for first, _ in stays] + [min(times) for times in (done, failed) if times]
    if not ends:
        return Markup("")
    first, last = begin or min(starts), max(ends)
    jobs = [("good", counted_in(done, first, last)), ("bad", counted_in(failed, first, last))]
    bands = [Band("jobs ended", jobs)]
    if stays:
        bands.insert(0, Band("machines", [("plain", present_in(stays, first, last))]))
    label = "Machines, and finished jobs and failed attempts, over time"
    return _drawn(bands, (_time(first), _time(last)), label)


def histogram(numbers: Sequence[float], most: float, title: str, unit: str) -> Markup:
    """Return how numbers are spread from 0 to `most`; '' where there are none."""
    if not numbers or most <= 0:
        return Markup("")
    band = Band(title, [("plain", counted_in(numbers, 0, most))])
    return _drawn([band], ("0", f"{most:,.0f} {unit}"), f"{title}, from 0 to {most:,.0f} {unit}")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")


def _drawn(bands: Sequence[Band], ends: tuple[str, str], label: str) -> Markup:
    height = len(bands) * (HEIGHT + GAP) + GAP
    drawn = Markup("").join(_band(band, number * (HEIGHT + GAP) + GAP) for number, band in enumerate(bands))
    last = Markup('<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>').format(
        LEFT, height - 6, ends[0], WIDTH, height - 6, ends[1]
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        WIDTH, height, label, drawn, last
    )


def _band(band: Band, top: int) -> Markup:
    """Return a row: its title, its largest number, and its bars."""
    most = band.most or 1.0
    bottom = top + HEIGHT
    heights = [0.0] * BINS
    parts = []
    for name, numbers in band.series:
        parts.append(Markup('<path class="{}" d="{}"/>').format(name, _bars(numbers, heights, most, bottom)))
        heights = [below + one for below, one in zip(heights, numbers, strict=True)]
    axis = Markup('<path class="axis" d="M{} {}H{}"/><text x="{}" y="{}">{}</text>').format(
        LEFT, bottom, WIDTH, LEFT, top - 6, band.title
    )
    number = Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
        LEFT - 6, top + 10, f"{band.most:,.0f}"
    )
    return Markup("").join([*parts, axis, number])


def _bars(numbers: Sequence[float], below: Sequence[float], most: float, bottom: int) -> str:
    width = (WIDTH - LEFT) / BINS
    bars = []
    for place, (one, under) in enumerate(zip(numbers, below, strict=True)):
        if one:
            high, low = HEIGHT * one / most, HEIGHT * under / most
            left, top = LEFT + place * width, bottom - low - high
            bars.append(f"M{left:.1f} {top:.1f}h{width - 1:.1f}v{high:.1f}h{1 - width:.1f}z")
    return "".join(bars)
