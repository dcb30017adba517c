"""Thumbnails of a job's outputs as a worker keeps them and a report reads them: one object for each job.

Gray ones keep 16 bits and what they mean, so that a report can show those of a whole plate in one range.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from worker.contract.state import Unreadable, number, text

#: Pixels of the longer side at most, and thumbnails of one job.
LONGEST_SIDE, MOST_OF_A_JOB = 128, 8

#: The largest value of a pixel: more than 32 bits can hold, and little enough to compute with.
MOST = 1e39

#: The `bits` of a color image.
COLOR = 24


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of an output. `name`: the output's; `channel`: from 1; `bits`: of a sample, or COLOR.

    `samples`: red, green and blue, a byte each, row by row; of a gray one 16 bits, little-endian, where 0
    means the value `low` and 65535 `high`.
    """

    name: str
    channel: int
    bits: int
    width: int
    height: int
    samples: bytes
    low: float = 0.0
    high: float = 0.0

    @property
    def is_color(self) -> bool:
        return self.bits == COLOR


def as_document(thumbnails: Sequence[Thumbnail]) -> list[dict[str, Any]]:
    """Return thumbnails as JSON has them."""
    return [{**vars(one), "samples": b64encode(zlib.compress(one.samples)).decode()} for one in thumbnails]


def thumbnails_in(document: dict[str, Any]) -> list[Thumbnail]:
    """Return the thumbnails in a worker's document. Raises Unreadable."""
    entries = document.get("thumbnails")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable("thumbnails is not a list of objects")
    return [_read(entry) for entry in entries[:MOST_OF_A_JOB]]


def _read(entry: dict[str, Any]) -> Thumbnail:
    width, height, bits, channel = (
        int(number(entry, name)) for name in ("width", "height", "bits", "channel")
    )
    if not (1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE):
        raise Unreadable(f"a thumbnail of {width} × {height} pixels is none of ours")
    wanted = width * height * (3 if bits == COLOR else 2)
    name, samples = text(entry, "name"), _opened(text(entry, "samples"), wanted)
    low, high = _value(entry, "low"), _value(entry, "high")
    return Thumbnail(name, channel, bits, width, height, samples, low, high)


def _opened(packed: str, wanted: int) -> bytes:
    """Return samples of a number of bytes, however large they claim to be. Raises Unreadable."""
    try:
        samples = zlib.decompressobj().decompress(b64decode(packed, validate=True), wanted + 1)
    except (ValueError, zlib.error) as error:
        raise Unreadable(f"the samples of a thumbnail cannot be read ({error})") from error
    if len(samples) != wanted:
        raise Unreadable("a thumbnail has more or fewer samples than pixels")
    return samples


def _value(entry: dict[str, Any], name: str) -> float:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST <= value <= MOST:
        raise Unreadable(f"{name} of a thumbnail is no number")
    return float(value)
