"""Seconds of a processor that a thumbnail of an image of 2048 × 2048 pixels takes a worker.

The median of nine rounds in this process. No job waits for a thumbnail.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy
import tifffile
from PIL import Image

from benchmarks.common import Target, finish, in_turns, medians, show
from worker.contract.thumbnails import as_document
from worker.storage.pictures import thumbnails_of

SIDE, ROUNDS = 2048, 9


def write_images(folder: Path) -> dict[str, Path]:
    """Write noise in each format; return the files by what they are."""
    noise = numpy.random.default_rng(1).poisson(120, (SIDE, SIDE, 3))
    gray, color = noise[..., 0], noise.astype("uint8")
    files = {name: folder / f"{at}.tif" for at, name in enumerate(("8 bits", "16 bits", "32 bits", "color"))}
    for (name, file), kind in zip(files.items(), ("uint8", ">u2", ">f4", "uint8"), strict=True):
        pixels = color if name == "color" else gray.astype(kind)
        tifffile.imwrite(file, pixels, imagej=True, byteorder=">")
    found = {f"TIFF, {name}": file for name, file in files.items()}
    for name in ("PNG", "JPEG"):
        found[f"{name}, color"] = folder / f"color.{name.lower()}"
        Image.fromarray(color).save(found[f"{name}, color"])
    return found


def make(file: Path) -> list[dict[str, object]]:
    """Make a file's thumbnail as it goes into the bucket."""
    with file.open("rb") as opened:
        return as_document(list(thumbnails_of(opened, file.name)))


def busy_seconds(file: Path) -> float:
    """Return for how long a processor was busy with a thumbnail, whatever else the machine does."""
    began = time.process_time()
    make(file)
    return time.process_time() - began


def main() -> list[Target]:
    """Measure, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_images(Path(folder))
        ways = {name: lambda file=file: busy_seconds(file) for name, file in files.items()}
        figures = medians(in_turns(ways, ROUNDS))
        sizes = {name: sum(len(str(one["samples"])) for one in make(file)) for name, file in files.items()}
    rows = [[name, seconds, sizes[name] / 1000] for name, seconds in figures.items()]
    show("a thumbnail of 2048 × 2048 pixels", ["image", "s", "kB in the bucket"], rows)
    return [Target("a thumbnail", max(figures.values()), " s", at_most=0.1)]


if __name__ == "__main__":
    sys.exit(finish(main()))
