"""Small pictures of the images that a script wrote: TIFF, PNG and JPEG, the first plane of each channel.

Pillow reads them, and is loaded when the first one is asked for. A plane is in memory as a whole, beside the
next job's FIJI, so a large one is left out.
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

#: Bytes of a plane in memory at most.
MOST_BYTES = 40_000_000

#: Where ImageJ says how many channels a TIFF has, in the tag ImageDescription: its planes begin with those of
#: the first slice (ImageJ's TiffDecoder and FileInfo, "channels=").
IMAGE_DESCRIPTION = 270
CHANNELS = re.compile(r"^channels=(\d{1,3})$", re.MULTILINE)

#: Bits of a sample in memory, by Pillow's modes of gray images (Pillow's documentation, "Modes"; `I;16` has
#: variants). A pixel of a color image has 4 bytes, and 4 more where it must be made RGB.
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
            image.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a JPEG is then read at a fraction
            width, height = image.size
            if width * height * _bytes_of_a_pixel(image.mode) > MOST_BYTES:
                raise NoPicture(f"a plane of {width} × {height} pixels is too large")
            yield _thumbnail(image, name, channel)


def _bytes_of_a_pixel(mode: str) -> int:
    return GRAY[mode] // 8 if mode in GRAY else 4 if mode == "RGB" else 8


def _channels(image: Picture) -> int:
    tags = getattr(image, "tag_v2", None)
    found = CHANNELS.search(str(tags.get(IMAGE_DESCRIPTION, ""))) if tags and image.mode in GRAY else None
    return int(found[1]) if found else 1


def _thumbnail(image: Picture, name: str, channel: int) -> Thumbnail:
    width, height = _size(image)
    if image.mode not in GRAY:
        pixels = _resized(image if image.mode == "RGB" else image.convert("RGB"), width, height)
        return Thumbnail(name, channel, COLOR, width, height, pixels)
    values = _means(image, width, height)
    known = [value for value in values if isfinite(value)]
    if not known:
        raise NoPicture("it holds no number")
    low, high = min(known), max(known)
    samples = _samples(values, low, high)
    return Thumbnail(name, channel, GRAY[image.mode], width, height, samples, low, high)


def _size(image: Picture) -> tuple[int, int]:
    """Return width and height of an image's thumbnail, which is never larger than the image."""
    share = min(1.0, LONGEST_SIDE / max(image.size))
    width, height = (max(1, round(side * share)) for side in image.size)
    return width, height


def _resized(image: Picture, width: int, height: int) -> bytes:
    """Return an image in another size, each pixel the mean of what it covers."""
    from PIL.Image import Resampling

    return image.resize((width, height), Resampling.BOX).tobytes()


def _means(image: Picture, width: int, height: int) -> array[float]:
    """Return the means of a gray image, row by row.

    A row's lines are made 32-bit numbers when their turn comes: all at once need three times the memory, and
    Pillow does not resize 16-bit images in ImageJ's order of bytes rightly (13.0).
    """
    values = array("f")
    for row in range(height):
        lines = (0, row * image.height // height, image.width, (row + 1) * image.height // height)
        band = image.crop(lines)
        values.frombytes(_resized((band.convert("L") if band.mode == "1" else band).convert("F"), width, 1))
    return values


def _samples(values: array[float], low: float, high: float) -> bytes:
    """Return values in 16 bits, little-endian; what is no number is as `low`."""
    scale = 65535 / (high - low) if high > low else 0.0
    samples = array("H", (round((one - low) * scale) if isfinite(one) else 0 for one in values))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
