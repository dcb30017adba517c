"""Thumbnails of a plate as the page shows them: one range of gray for all that can be compared. Pure.

Files of a plate whose names differ only in the well and in numbers share a range, channel by channel; a
number that names a channel (`w1`, `ch2`, `C01`) counts. The range goes from 0.5 % to 99.8 % of their pixels.
"""

from __future__ import annotations

import re
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from distributed_fiji.plates import SIZES, Place, row_letters, well_name
from worker.contract.text import one_line
from worker.contract.thumbnails import Thumbnail

#: Of all pixels of a range, such shares lie below and above it; of each thumbnail so many are looked at.
BELOW, ABOVE, LOOKED_AT = 0.005, 0.002, 500

#: Thumbnails of one well.
MOST_OF_A_WELL = 12

#: A channel in the name of a file, as microscopes write it.
CHANNEL = re.compile(r"(?<![A-Za-z])(?:channel|chan|ch|c|wv|w|d)[ _-]?(\d{1,2})(?!\d)", re.IGNORECASE)

#: A plate's thumbnails by their wells.
ByPlace = Mapping[Place, Sequence[Thumbnail]]

#: What thumbnails have in common that are shown in one range.
Kind = tuple[str, tuple[str, ...], int, int]


@dataclass(frozen=True)
class Range:
    """The value that is shown black, and the one that is shown white."""

    low: float
    high: float


@dataclass
class ShownThumbnails:
    """What the page knows of thumbnails: by plate, of how many wells, and how many plates are left out."""

    plates: dict[str, dict[str, Any]] = field(default_factory=dict)
    wells: int = 0
    left_out: int = 0


def kind_of(one: Thumbnail, place: Place) -> Kind:
    """Return what a thumbnail has in common with those that it can be compared with."""
    bare = _well_in_names(place).sub("", one.name, count=1)
    return re.sub(r"\d+", "#", bare), tuple(CHANNEL.findall(bare)), one.channel, one.bits


@lru_cache(maxsize=2048)
def _well_in_names(place: Place) -> re.Pattern[str]:
    """Return the pattern of a well as file names have it: B03, b3, B-3, r02c03."""
    row, column = place
    named = rf"{row_letters(row)}[-_]?0*{column}|r0*{row}[-_]?c0*{column}"
    return re.compile(rf"(?<![A-Za-z0-9])(?:{named})(?!\d)", re.IGNORECASE)


def ranges_of(plate: ByPlace) -> dict[Kind, Range]:
    """Return the range of each kind of gray thumbnails of a plate."""
    pixels: dict[Kind, list[float]] = {}
    for place, thumbnails in plate.items():
        for one in thumbnails:
            if not one.is_color:
                pixels.setdefault(kind_of(one, place), []).extend(_some_values(one))
    return {kind: _range(sorted(values)) for kind, values in pixels.items() if values}


def _some_values(one: Thumbnail) -> list[float]:
    samples, scale = _gray(one), (one.high - one.low) / 65535
    step = len(samples) // LOOKED_AT | 1  # odd, so that they are not all of the same columns
    return [one.low + sample * scale for sample in samples[::step]]


def _range(values: Sequence[float]) -> Range:
    last = len(values) - 1
    low, high = values[round(BELOW * last)], values[round((1 - ABOVE) * last)]
    return Range(low, high) if high > low else Range(values[0], values[-1])


def as_png(one: Thumbnail, shown: Range | None) -> bytes:
    """Return a thumbnail as a PNG, a gray one in a range (W3C, "Portable Network Graphics")."""
    pixels, each = (one.samples, 3) if shown is None else (_in_range(one, shown), 1)
    line = one.width * each
    lines = b"".join(b"\0" + pixels[at : at + line] for at in range(0, len(pixels), line))
    size = one.width.to_bytes(4, "big") + one.height.to_bytes(4, "big")
    header = size + bytes((8, 2 if each == 3 else 0, 0, 0, 0))
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 3)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")


def _gray(one: Thumbnail) -> array[int]:
    samples = array("H", one.samples)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _in_range(one: Thumbnail, shown: Range) -> bytes:
    """Return a gray thumbnail's pixels, a byte each.

    Where its own range is not much wider, the upper byte of a sample is enough: it is at most two steps off.
    """
    own, width = one.high - one.low, shown.high - shown.low
    if own <= 2 * width:
        levels = (_level(one.low + own * upper / 255, shown) for upper in range(256))
        return one.samples[1::2].translate(bytes(levels))
    return bytes([_level(one.low + own * sample / 65535, shown) for sample in _gray(one)])


def _level(value: float, shown: Range) -> int:
    """Return how bright a value is, from 0 to 255; where all values are one, that is gray."""
    width = shown.high - shown.low
    share = (value - shown.low) / width if width else 0.5
    return round(255 * min(1.0, max(0.0, share)))


def index_of(plate: ByPlace, ranges: Mapping[Kind, Range], size: int, folder: str) -> dict[str, Any]:
    """Return what the page needs to name and find a plate's thumbnails, which are `folder/A01-1.png` and on.

    `names`: parts between which a well's name belongs; `sets`: names and ranges of wells' thumbnails, which
    are the same for most; `of`: the number of a well's set.
    """
    names: dict[tuple[str, ...], int] = {}
    shown: dict[tuple[float, ...], int] = {}
    sets: dict[tuple[tuple[int, int], ...], int] = {}
    of = {}
    for place, thumbnails in plate.items():
        listed = []
        for one in thumbnails:
            parts = tuple(one_line(part) for part in one.name.split(well_name(place), 1))
            met = ranges.get(kind_of(one, place))
            about = (one.channel, *((_short(met.low), _short(met.high)) if met else ()))
            listed.append((names.setdefault(parts, len(names)), shown.setdefault(about, len(shown))))
        of[(place[0] - 1) * SIZES[size][1] + place[1] - 1] = sets.setdefault(tuple(listed), len(sets))
    return {"folder": folder, "names": list(names), "ranges": list(shown), "sets": list(sets), "of": of}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def file_name(place: Place, number: int) -> str:
    """Return the name of the file of a well's n-th thumbnail, from 1."""
    return f"{well_name(place)}-{number}.png"


def at_most(thumbnails: Iterable[Thumbnail]) -> list[Thumbnail]:
    """Return as many thumbnails as a well has, in the order of their names and channels."""
    return sorted(thumbnails, key=lambda one: (one.name, one.channel))[:MOST_OF_A_WELL]
