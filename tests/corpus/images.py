"""The corpus's images: 8-bit squares of known size and gray value, generated from numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

Image = NDArray[np.generic]

#: For each image, its background, and squares as (x, y, width, height, gray value).
SQUARES = {
    "a": (10, ((8, 8, 10, 10, 200), (30, 8, 6, 6, 150), (10, 40, 12, 8, 100))),
    "b": (20, ((5, 5, 8, 8, 180), (40, 40, 16, 10, 220))),
    "c": (0, ((20, 20, 20, 20, 250),)),
    "flat": (4, ()),
}


def image(name: str) -> Image:
    """Return one of the images: 64 x 64 pixels, or for `stack`, three such slices."""
    if name == "stack":
        return np.stack([image("a"), image("b"), image("c")])
    background, squares = SQUARES[name]
    pixels = np.full((64, 64), background, np.uint8)
    for x, y, width, height, grey in squares:
        pixels[y : y + height, x : x + width] = grey
    return pixels


def write(name: str, folder: Path) -> None:
    """Write an image as NAME.tif."""
    pixels = image(name)
    axes = "ZYX" if pixels.ndim == 3 else "YX"
    tifffile.imwrite(folder / f"{name}.tif", pixels, imagej=True, metadata={"axes": axes})
