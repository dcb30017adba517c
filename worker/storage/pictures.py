"""Small pictures of the images that a script wrote: TIFF, PNG and JPEG, the first plane of each channel.

Pillow reads them, and is loaded when the first one is asked for. A plane is in memory as a whole, beside the
next job's FIJI, so a very large one is left out.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, BinaryIO

from worker.contract.thumbnails import COLOR, LONGEST_SIDE, Thumbnail

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Pixels of a plane at most: 4096 × 4096 take 67 MB as 32-bit numbers.
MOST_PIXELS = 4096 * 4096

#: Where ImageJ says how many channels a TIFF has, in the tag ImageDescription: its planes begin with those of
#: the first slice (ImageJ's TiffDecoder and FileInfo, "channels=").
IMAGE_DESCRIPTION = 270
CHANNELS = re.compile(r"^channels=(\d{1,3})$", re.MULTILINE)

#: Bits of a sample, by Pillow's modes of gray images (Pillow's documentation, "Modes"; `I;16` has variants).
GRAY = {"1": 8, "L": 8, "I;16": 16, "I;16B": 16, "I;16L": 16, "I;16N": 16, "I": 32, "F": 32}


class NoPicture(Exception):
    """Raised where a file gives no thumbnail; the text is the reason."""


def thumbnails_of(file: BinaryIO, name: str) -> Iterator[Thumbnail]:
    """Yield a thumbnail for each channel of an image.

    Raises NoPicture, and whatever Pillow raises for a file that is broken.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise NoPicture("Pillow, which reads images, is not installed") from error
    with Image.open(file, formats=("TIFF", "PNG", "JPEG")) as image:
        for channel in range(1, _channels(image) + 1):
            try:
                image.seek(channel - 1)
            except EOFError:
                return
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise NoPicture(f"a plane of {width} × {height} pixels is too large")
            yield _thumbnail(image, name, channel)


def _channels(image: Picture) -> int:
    tags = getattr(image, "tag_v2", None)
    found = CHANNELS.search(str(tags.get(IMAGE_DESCRIPTION, ""))) if tags and image.mode in GRAY else None
    return int(found[1]) if found else 1


def _thumbnail(image: Picture, name: str, channel: int) -> Thumbnail:
    bits = GRAY.get(image.mode, COLOR)
    if bits == COLOR:
        image.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a JPEG is then read at a fraction
        small = _reduced(image.convert("RGB"))
        width, height = small.size
        return Thumbnail(name, channel, COLOR, width, height, small.tobytes())
    small = _reduced(image if image.mode == "L" else image.convert("F")).convert("F")
    values = array("f", small.tobytes())
    known = [value for value in values if isfinite(value)]
    if not known:
        raise NoPicture("it holds no number")
    low, high = min(known), max(known)
    width, height = small.size
    return Thumbnail(name, channel, bits, width, height, _samples(values, low, high), low, high)


def _reduced(image: Picture) -> Picture:
    """Return a picture whose longer side is at most LONGEST_SIDE, each pixel the mean of what it covers."""
    from PIL.Image import Resampling

    share = min(1.0, LONGEST_SIDE / max(image.size))
    width, height = (max(1, round(side * share)) for side in image.size)
    return image.resize((width, height), Resampling.BOX)


def _samples(values: array[float], low: float, high: float) -> bytes:
    """Return values in 16 bits, little-endian; what is no number is as `low`."""
    scale = 65535 / (high - low) if high > low else 0.0
    samples = array("H", (round((one - low) * scale) if isfinite(one) else 0 for one in values))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
